package crosscheck

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// TestKernelTail loses the end of a message, once: a tail probe and RACK repair it long
// before a timeout, which would take 240 ms and more.
func TestKernelTail(t *testing.T) {
	const (
		times = 5
		// On a path of 20 ms that keeps to its times it takes 100 ms or a little more: in
		// round trips, half of one to get there, two until the probe (and the 45 ms that
		// the kernel may wait with the ACK of a lone segment), or one for the answer of the
		// kernel and one more to repair the rest. Some of these waits are timers', each of
		// which a busy machine may let run out late: this is for the best of some times.
		most = 150 * time.Millisecond
	)
	for _, x := range []struct{ lost, of int }{{1, 1}, {1, 10}, {3, 10}} {
		t.Run(fmt.Sprintf("%d of %d", x.lost, x.of), func(t *testing.T) {
			s, host, l := longPath(t, cleanPath, cleanPath, usernet.Config{})
			var took []time.Duration
			timeouts, stalled := 0, stalls()
			for range times {
				p := newInfoPair(t, s, host, gate4)
				move(t, p.near, p.far, 1) // the round trip of text is known
				waitUntil(t, "the kernel has acknowledged it", func() bool { return p.near.Info().Queued == 0 })
				before := p.near.Info()
				l.dropText(int64(x.of-x.lost+1), int64(x.of))
				began := time.Now()
				move(t, p.near, p.far, int64(x.of*before.MSS))
				took = append(took, time.Since(began))
				i := p.near.Info()
				if i.Resent-before.Resent < x.lost {
					t.Errorf("%d were sent again, want %d", i.Resent-before.Resent, x.lost)
				}
				timeouts += i.Timeouts
				p.near.Close()
			}
			late := stalled()
			t.Logf("it took %v; %d timeouts, %d stalls", took, timeouts, late)
			if got := slices.Min(took); got > most {
				t.Errorf("it took %v, want at most %v", got, most)
			}
			if timeouts > late {
				t.Errorf("%d timeouts, but only %d stalls of the machine", timeouts, late)
			}
		})
	}
}
