package compare

import (
	"debug/elf"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/bench/internal/sides"
)

// What the smallest program links grows by a line that nobody looks at: an import, a
// table that refers to everything, a concrete type where an interface was.
func TestSmallestProgram(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the bounds are those of linux/amd64")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	p, err := measureImport(t.Context(), sides.Usernet, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if p.Size > 4_980_000 || p.Lines > 15 {
		t.Errorf("it has %d bytes and %d lines, want at most 4.98 MB and 15", p.Size, p.Lines)
	}
	if p.Packages > 94 || p.Modules > 3 {
		t.Errorf("it has %d packages of %d modules, want at most 94 and 3", p.Packages, p.Modules)
	}
	program := filepath.Join(dir, sides.Usernet)
	if _, err := goCommand(t.Context(), nil, "build", "-o", program, programs+sides.Usernet); err != nil {
		t.Fatal(err) // anew: measureImport has left it without symbols
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	unwanted := []string{"crypto/internal/", "fmt.", "internal/fmtsort.", "encoding/json.", "log/slog.", "net.(*sysDialer).", "github.com/usernet-go/usernet.(*Resolver).",
		"github.com/usernet-go/usernet.(*Pinger).", "github.com/usernet-go/usernet.(*TCPListener)."}
	seen := false
	for _, s := range symbols {
		seen = seen || s.Name == "github.com/usernet-go/usernet.New"
		for _, prefix := range unwanted {
			if strings.HasPrefix(s.Name, prefix) {
				t.Errorf("it links %s", s.Name)
			}
		}
	}
	if !seen {
		t.Error("it does not link usernet.New: are there no symbols?")
	}
}
