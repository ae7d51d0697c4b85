package sides

import (
	"math"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// Each sample counts for the function that ran, and the shares are one in all.
func TestSpent(t *testing.T) {
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}}}
	for i, x := range []struct {
		function string
		samples  int64
	}{
		{"runtime.memmove", 3},
		{"internal/runtime/syscall/linux.Syscall6", 2},
		{"github.com/usernet-go/usernet/tcp.(*Conn).Receive", 1},
		{"github.com/usernet-go/usernet/internal/host.(*Host).Stats", 1},
		{"github.com/usernet-go/usernet.(*TCPConn).Read", 1},
		{"runtime.findRunnable", 1},
		{"main.main", 1},
	} {
		f := &profile.Function{ID: uint64(i + 1), Name: x.function}
		l := &profile.Location{ID: uint64(i + 1), Line: []profile.Line{{Function: f}}}
		p.Function, p.Location = append(p.Function, f), append(p.Location, l)
		p.Sample = append(p.Sample, &profile.Sample{Location: []*profile.Location{l}, Value: []int64{x.samples}})
	}
	f := load.Figures{load.CPU: 7}
	if err := addSpent(f, p); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, name := range Spent() {
		sum += f[name]
	}
	for name, want := range map[string]float64{"copies": 0.3, "system calls": 0.2, "TCP": 0.1, "IP, sockets": 0.2, "scheduler": 0.1, otherSpender: 0.1, "memory": 0} {
		if math.Abs(f[name]-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, f[name], want)
		}
	}
	if math.Abs(sum-1) > 1e-9 || f[load.CPU] != 7 {
		t.Errorf("%v in all: %v", sum, f)
	}
}
