package sides

import (
	"bytes"
	"runtime/pprof"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// Spent are the names of figures that say which share of its processor time, from 0 to
// 1, a process has spent in what: those of a measurement with a profile.
func Spent() (names []string) {
	for _, c := range spenders {
		names = append(names, c.name)
	}
	return append(names, otherSpender)
}

const (
	module       = "github.com/usernet-go/usernet"
	otherSpender = "other"
)

// spenders are tried in their order; the functions' names begin so.
var spenders = []struct {
	name     string
	prefixes []string
}{
	{"copies", []string{"runtime.memmove"}},
	{"system calls", []string{"internal/runtime/syscall", "syscall.", "golang.org/x/sys", "internal/poll"}},
	{"TCP", []string{module + "/tcp."}},
	{"IP, sockets", []string{module + "/internal/host", module + "/wire", module + ".", "net/netip"}},
	{"links", []string{module + "/link"}},
	{"clock, timers", []string{"time.", "runtime.nanotime", "runtime.walltime", "runtime.(*timer", "runtime.vdso", "internal/runtime/time"}},
	{"locks, pools", []string{"sync.", "sync/", "internal/sync", "internal/runtime/atomic", "runtime.lock", "runtime.unlock", "runtime.sema", "runtime.procyield"}},
	{"memory", []string{"runtime.malloc", "runtime.mem", "runtime.gc", "runtime.scan", "runtime.(*m", "runtime.heap", "runtime.(*gc", "runtime.next", "runtime.bulk", "runtime.new", "runtime.grey", "runtime.sweep"}},
	{"scheduler", []string{"runtime."}},
}

// profiled calls f, and adds to its figures what the processor did meanwhile.
func profiled(f func() (load.Figures, error)) (load.Figures, error) {
	var b bytes.Buffer
	if err := pprof.StartCPUProfile(&b); err != nil {
		return nil, err
	}
	figures, err := f()
	pprof.StopCPUProfile()
	if err != nil {
		return nil, err
	}
	p, err := profile.Parse(&b)
	if err != nil {
		return nil, err
	}
	return figures, addSpent(figures, p)
}

// addSpent adds the shares in p.
func addSpent(f load.Figures, p *profile.Profile) error {
	for _, name := range Spent() {
		f[name] = 0
	}
	total := 0.0
	for _, s := range p.Sample {
		if len(s.Location) == 0 || len(s.Location[0].Line) == 0 {
			continue
		}
		n := float64(s.Value[0])
		f[spender(s.Location[0].Line[0].Function.Name)] += n
		total += n
	}
	for _, name := range Spent() {
		f[name] /= max(total, 1)
	}
	return p.CheckValid()
}

// spender returns what a function belongs to.
func spender(function string) string {
	for _, s := range spenders {
		for _, prefix := range s.prefixes {
			if strings.HasPrefix(function, prefix) {
				return s.name
			}
		}
	}
	return otherSpender
}
