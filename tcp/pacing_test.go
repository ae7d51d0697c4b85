package tcp

import (
	"testing"
	"time"
)

// fixedRate is a congestion control that sends at one rate.
type fixedRate struct{ NewReno }

func (f *fixedRate) Start(w *Window, _ Beginning) {
	w.Bytes, w.PacingRate = 1<<20, 1_000_000
}

// TestPacing: text leaves at the rate that the congestion control sets, on a
// clock that is fine and on one that is not.
func TestPacing(t *testing.T) {
	for _, tick := range []time.Duration{time.Microsecond, 15600 * time.Microsecond} {
		t.Run(tick.String(), func(t *testing.T) {
			j := &joined{now: pairEpoch.Add(time.Second)}
			j.cfg = Config{Epoch: pairEpoch, Congestion: &Algorithm{"fixed", func() CongestionControl { return new(fixedRate) }}}.WithDefaults()
			for _, c := range []*Conn{&j.a, &j.b} {
				c.Init(&j.cfg, Params{MSS: 1000, MaxSegment: 65535})
			}
			j.b.OpenPassive()
			j.a.OpenActive(j.now)
			j.settle()
			start, got := j.now, 0
			b := make([]byte, 1<<20)
			_, _ = j.a.Write(j.now, b[:1_000_000])
			j.settle()
			for j.now.Sub(start) < 10*time.Second {
				n, _ := j.b.Read(j.now, b)
				got += n
				if got == 1_000_000 {
					break
				}
				d := j.a.Deadline().Sub(pairEpoch)
				j.now = pairEpoch.Add((max(d, j.now.Sub(pairEpoch)) + tick - 1) / tick * tick)
				j.a.Advance(j.now)
				j.b.Advance(j.now)
				j.settle()
			}
			if took := j.now.Sub(start); took < 950*time.Millisecond || took > 1050*time.Millisecond {
				t.Errorf("%d bytes at 1 MB/s took %v", got, took)
			}
		})
	}
}
