package sim

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
)

// lines returns what r has kept.
func (r *recent) lines() (lines []string) {
	for _, k := range r.packets() {
		lines = append(lines, string(k.appendTrace(nil, epoch)))
	}
	return lines
}

// The last packets are kept in the order in which they came, whatever becomes of
// the memory that they were lent in.
func TestRecent(t *testing.T) {
	var r recent
	if got := r.lines(); len(got) != 0 {
		t.Errorf("before the first packet: %q", got)
	}
	var want []string
	data := make([]byte, 0, 2000)
	for i := range 40 {
		data = append(data[:0], tcpPacket("10.0.0.1:49152", "10.0.0.2:80", pushed, 100*(i%15))...)
		p := Packet{Number: uint64(i + 1), Time: epoch.Add(time.Duration(i)), From: "a", To: "b", Medium: link.IP, Data: data}
		f := arriving(time.Second)
		f.Twice = i%2 == 0
		want = append(want, string(appendTrace(nil, epoch, &p, f)))
		r.add(&p, f)
		clear(data)

		got := r.lines()
		if n := min(len(want), 16); len(got) != n {
			t.Fatalf("%d packets are kept, want %d", len(got), n)
		}
		for k, line := range want[len(want)-len(got):] {
			if got[k] != line {
				t.Fatalf("got  %swant %s", got[k], line)
			}
		}
	}
}

func TestRecentDoesNotAllocate(t *testing.T) {
	var r recent
	p := Packet{Data: make([]byte, 1500)}
	for range keptPackets {
		r.add(&p, fate{})
	}
	if n := testing.AllocsPerRun(100, func() { r.add(&p, fate{}) }); n > 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}
