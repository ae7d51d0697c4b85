package tcp

import (
	"testing"
	"time"
)

// ratePath sends and acknowledges segments of 1000 bytes against a rateSampler.
type ratePath struct {
	s      rateSampler
	sent   map[int]*sentRecord
	flight int
}

func (p *ratePath) send(now instant, n int, flags sentFlags) {
	if p.flight == 0 {
		p.s.restart(now)
	}
	p.flight += 1000
	if p.sent == nil {
		p.sent = make(map[int]*sentRecord)
	}
	r := &sentRecord{end: Seq(1000 * (n + 1)), at: now, flags: flags}
	p.s.stamp(r, p.flight)
	p.sent[n] = r
}

// ack acknowledges segments with one ACK.
func (p *ratePath) ack(now instant, minRTT time.Duration, segments ...int) RateSample {
	var newest sentRecord
	for _, n := range segments {
		p.s.delivered(now, p.sent[n], 1000, &newest)
		p.flight -= 1000
	}
	return p.s.sample(&newest, minRTT)
}

// TestRateSamples: the rate is that of the longer of the times in which segments were sent and acknowledged.
func TestRateSamples(t *testing.T) {
	const rtt = 50 * millisecond
	var p ratePath
	for i := range 10 {
		p.send(second+instant(i)*millisecond, i, 0)
	}
	// Each takes 2 ms on the way, one after the other: 500 kB/s.
	for i := range 10 {
		now := second + rtt + instant(i)*2*millisecond
		rs := p.ack(now, 50*time.Millisecond, i)
		want := RateSample{Delivered: 1000 * (i + 1), Interval: now.since(second), InFlight: 1000 * (i + 1)}
		if rs != want {
			t.Fatalf("sample of segment %d is %+v, want %+v", i, rs, want)
		}
		p.send(now, 10+i, 0)
	}
	// Those that were sent with the ACKs, now in steady state: what was delivered between the ACK before they left and now.
	for i := range 10 {
		now := second + 2*rtt + instant(i)*2*millisecond
		rs := p.ack(now, 50*time.Millisecond, 10+i)
		interval := time.Duration(50+i) * time.Millisecond // they were sent more slowly than the ten before
		if rs.PriorTotal != int64(1000*(i+1)) || rs.Delivered != 10000 || rs.Interval != interval {
			t.Fatalf("sample of segment %d is %+v, want 10000 bytes in %v", 10+i, rs, interval)
		}
	}
}

// A burst of ACKs that something on the way has held back does not look like a fast path: the time in which the segments
// were sent is longer.
func TestRateOfCompressedACKs(t *testing.T) {
	var p ratePath
	for i := range 10 {
		p.send(second+instant(i)*10*millisecond, i, 0)
	}
	first := p.ack(second+100*millisecond, 0, 0)
	p.send(second+100*millisecond, 10, 0)
	for i := 1; i < 10; i++ {
		p.ack(second+200*millisecond, 0, i)
	}
	rs := p.ack(second+200*millisecond, 0, 10)
	if first.Delivered != 1000 || rs.Delivered != 10000 || rs.Interval != 100*time.Millisecond {
		t.Errorf("sample is %+v, want 10000 bytes in 100ms", rs)
	}
}

// "Update info using the newest packet": of several that one ACK tells of, the one that was sent last counts, whatever
// its number.
func TestRateOfNewest(t *testing.T) {
	var p ratePath
	p.send(second, 0, 0)
	p.send(second+millisecond, 1, 0)
	p.send(second+2*millisecond, 2, 0)
	p.s.lost += 1000
	p.flight -= 1000
	p.send(second+60*millisecond, 0, sentAgain) // sent again
	p.s.lost += 500
	rs := p.ack(second+110*millisecond, 0, 0, 1, 2)
	if rs.InFlight != 3000 || rs.Delivered != 3000 || rs.Lost != 500 || rs.Interval != 110*time.Millisecond {
		t.Errorf("sample is %+v, want that of the first segment, which was sent again", rs)
	}
	if p.s.first != second+60*millisecond {
		t.Errorf("the next sample's sending begins at %v", p.s.first)
	}
	// What was sent at the same instant: the higher number is the newer one.
	var q ratePath
	q.send(second, 0, 0)
	q.send(second, 1, 0)
	if rs := q.ack(second+millisecond, 0, 1, 0); rs.InFlight != 2000 {
		t.Errorf("sample is %+v, want that of the second segment", rs)
	}
}

// TestRateWhenAppLimited: what is sent while the user has no more says so, until all of it has arrived.
func TestRateWhenAppLimited(t *testing.T) {
	var p ratePath
	p.send(second, 0, 0)
	p.s.limit(p.flight)
	p.send(second+millisecond, 1, 0)
	if rs := p.ack(second+10*millisecond, 0, 0); rs.AppLimited {
		t.Error("the segment that was sent before is taken for limited")
	}
	p.send(second+10*millisecond, 2, 0)
	if rs := p.ack(second+20*millisecond, 0, 1); !rs.AppLimited {
		t.Error("the segment that was sent behind is not taken for limited")
	}
	if p.s.appLimited != 0 {
		t.Error("the bubble has gone, and the sender is still taken for limited")
	}
	if rs := p.ack(second+30*millisecond, 0, 2); !rs.AppLimited {
		t.Error("the segment was sent while the bubble was in the network")
	}
	p.send(second+30*millisecond, 3, 0)
	if rs := p.ack(second+40*millisecond, 0, 3); rs.AppLimited {
		t.Error("the segment was sent when the bubble had gone")
	}
	// With nothing sent yet the mark is not lost.
	var q rateSampler
	if q.limit(0); q.appLimited == 0 {
		t.Error("a user who has nothing from the start is not taken for limited")
	}
}

// An interval that is shorter than any round trip tells no rate; nothing delivered gives no sample.
func TestRateWithoutInterval(t *testing.T) {
	var p ratePath
	p.send(second, 0, 0)
	rs := p.ack(second+millisecond, 50*time.Millisecond, 0)
	if rs.Interval != 0 || rs.Delivered != 1000 {
		t.Errorf("sample is %+v, want one without an interval", rs)
	}
	if rs := p.ack(second+2*millisecond, 0); rs != (RateSample{}) {
		t.Errorf("an ACK of nothing gives the sample %+v", rs)
	}
	// A pause is not counted: the clock starts with what is sent after it.
	p.send(10*second, 1, 0)
	if rs := p.ack(10*second+50*millisecond, 0, 1); rs.Interval != 50*time.Millisecond || rs.Delivered != 1000 {
		t.Errorf("sample after a pause is %+v, want 1000 bytes in 50ms", rs)
	}
}
