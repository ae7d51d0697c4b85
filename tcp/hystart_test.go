package tcp

import (
	"testing"
	"time"
)

// hystartPath hands rounds of ACKs to CUBIC: a window each, one ACK for two
// segments, with the round trips that rtt tells for the i-th of n.
type hystartPath struct {
	cc    CUBIC
	w     Window
	now   time.Duration
	total int64
	plain bool // the machine tells no totals
}

func (p *hystartPath) start(rtt time.Duration) {
	p.now = time.Second
	p.w = Window{MSS: 1000, Bytes: 10_000, SlowStartThreshold: UnboundedThreshold}
	p.cc.Start(&p.w, Beginning{Now: p.now, Initial: 10_000, RTT: rtt})
}

func (p *hystartPath) round(srtt time.Duration, rtt func(i, n int) time.Duration) {
	prior, flight := p.total, p.w.Bytes
	n := flight / 2000
	for i := range n {
		p.total += 2000
		a := Acknowledgment{Now: p.now, Bytes: 2000, Delivered: 2000, Before: flight, InFlight: flight - 2000, RTT: rtt(i, n), SmoothedRTT: srtt,
			Limited: true, Total: p.total, Rate: RateSample{PriorTotal: prior}}
		if p.plain {
			a.Total, a.Rate = 0, RateSample{}
		}
		p.cc.Acknowledged(&p.w, a)
		p.now += srtt / time.Duration(2*n)
	}
	p.now += srtt - srtt/time.Duration(2*n)*time.Duration(n)
}

func steady(rtt time.Duration) func(int, int) time.Duration {
	return func(int, int) time.Duration { return rtt }
}

// RFC 9406, 4.2: round trips that stay longer end slow start, five rounds later, without a loss.
func TestHystartLeaves(t *testing.T) {
	for _, plain := range []bool{false, true} {
		p := hystartPath{plain: plain}
		const rtt = 50 * time.Millisecond
		p.start(rtt)
		for range 5 {
			p.round(rtt, steady(rtt))
		}
		if p.w.Bytes < 300_000 || p.cc.start.baseline != 0 {
			t.Fatalf("after five rounds of slow start the window is %d, CSS from %v", p.w.Bytes, p.cc.start.baseline)
		}
		// RttThresh is an eighth of 50 ms.
		p.round(rtt, steady(56*time.Millisecond))
		if p.cc.start.baseline != 0 {
			t.Fatal("6 ms are too short")
		}
		before := p.w.Bytes
		p.round(rtt, steady(63*time.Millisecond))
		if p.cc.start.baseline == 0 {
			t.Fatal("CSS has not begun")
		}
		if grown := p.w.Bytes - before; grown < 15_000 || grown > before/10 {
			t.Errorf("the window has grown by %d of %d in the round in which CSS began", grown, before)
		}
		rounds := 1
		for ; p.cc.start != nil; rounds++ {
			before := p.w.Bytes
			p.round(rtt, steady(64*time.Millisecond))
			if p.cc.start != nil && p.w.Bytes != before || rounds > 10 {
				t.Fatalf("in round %d of CSS the window has grown from %d to %d", rounds, before, p.w.Bytes)
			}
		}
		if rounds != 6 || p.w.SlowStartThreshold > p.w.Bytes || p.w.SlowStartThreshold < p.w.Bytes*9/10 {
			t.Errorf("after %d rounds ssthresh is %d, cwnd %d", rounds, p.w.SlowStartThreshold, p.w.Bytes)
		}
		if p.cc.curve.max > float64(p.w.Bytes) || p.cc.curve.k != 0 {
			t.Errorf("RFC 9438, 4.10: W_max is %v, K %v; want the window, %d, and 0", p.cc.curve.max, p.cc.curve.k, p.w.Bytes)
		}
	}
}

// A train of text that fills the queue by its end is a sign too.
func TestHystartTrain(t *testing.T) {
	var p hystartPath
	const rtt = 50 * time.Millisecond
	p.start(rtt)
	for range 4 {
		p.round(rtt, steady(rtt))
	}
	p.round(rtt, func(i, n int) time.Duration { return rtt + time.Duration(i)*10*time.Millisecond/time.Duration(n) })
	if p.cc.start.baseline == 0 {
		t.Error("CSS has not begun")
	}
}

// RFC 9406, 4.2: "If the RTT reduces during CSS, it's concluded that the RTT spike was not related to congestion [...] and the
// connection resumes slow start."
func TestHystartResumes(t *testing.T) {
	var p hystartPath
	const rtt = 50 * time.Millisecond
	p.start(rtt)
	for range 4 {
		p.round(rtt, steady(rtt))
	}
	p.round(rtt, steady(70*time.Millisecond))
	if p.cc.start.baseline == 0 {
		t.Fatal("CSS has not begun")
	}
	p.round(rtt, steady(rtt))
	before := p.w.Bytes
	p.round(rtt, steady(rtt))
	if p.cc.start.baseline != 0 || p.w.Bytes < before*18/10 {
		t.Errorf("slow start has not resumed: the window has grown from %d to %d", before, p.w.Bytes)
	}
	// A few round trips that are longer are none of its business.
	p.round(rtt, func(i, _ int) time.Duration { return rtt + time.Duration(i%4)*20*time.Millisecond })
	if p.cc.start.baseline != 0 {
		t.Error("jitter has begun CSS")
	}
}

// RFC 9406, 4.3: "L = infinity if paced, L = 8 if non-paced".
func TestHystartLimit(t *testing.T) {
	for rtt, want := range map[time.Duration]int{100 * time.Microsecond: 8000, 10 * time.Millisecond: 40_000} {
		w := Window{MSS: 1000, Bytes: 100_000, SlowStartThreshold: UnboundedThreshold}
		var c CUBIC
		c.Start(&w, Beginning{RTT: rtt})
		c.Acknowledged(&w, Acknowledgment{Delivered: 40_000, Bytes: 40_000, Before: 100_000, Limited: true, SmoothedRTT: rtt})
		if got := w.Bytes - 100_000; got != want {
			t.Errorf("round trip %v: an ACK for 40 segments has made the window grow by %d, want %d", rtt, got, want)
		}
	}
}

// RFC 9406, 4.2: a loss, and a mark, end it: there is a threshold then.
func TestHystartLoss(t *testing.T) {
	var p hystartPath
	p.start(50 * time.Millisecond)
	p.round(50*time.Millisecond, steady(50*time.Millisecond))
	p.cc.CongestionExperienced(&p.w, Congestion{Flight: p.w.Bytes})
	if p.cc.start != nil || p.w.SlowStartThreshold != p.w.Bytes {
		t.Errorf("ssthresh is %d, cwnd %d", p.w.SlowStartThreshold, p.w.Bytes)
	}
}
