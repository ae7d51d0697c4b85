package wan

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine says in a line on what was measured.
func machine() string {
	return fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}

// versions returns those of Go, of gVisor and of the kernel.
func versions() map[string]string {
	v := map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		v["kernel"] = strings.TrimSpace(string(b))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "gvisor.dev/gvisor" {
				v["gvisor"] = m.Version
			}
		}
	}
	return v
}
