package tcp

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever a path and a peer do, the window and the pacing rate can be used: from a
// byte in a second to 100 Gbit/s, from 10 us to 2 s, with the smallest and the
// largest MSS, with clocks that tick coarsely, and with figures that contradict each
// other.
func TestBBRExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mss := rapid.SampledFrom([]int{88, 536, 1460, 9000, 65535}).Draw(t, "mss")
		tick := rapid.SampledFrom([]time.Duration{1, time.Microsecond, time.Millisecond, 15600 * time.Microsecond}).Draw(t, "tick")
		rate := math.Pow(10, rapid.Float64Range(0, 10.1).Draw(t, "log10(rate)"))
		rtt := time.Duration(math.Pow(10, rapid.Float64Range(4, 9.3).Draw(t, "log10(rtt)")))
		w := Window{MSS: mss, Bytes: 10 * mss, SlowStartThreshold: UnboundedThreshold}
		var now time.Duration
		clock := func() time.Duration { return now / tick * tick }
		var b BBR
		b.Start(&w, Beginning{Now: clock(), Initial: w.Bytes, RTT: rtt / tick * tick,
			SACK: rapid.Bool().Draw(t, "sack"), Seed: rapid.Uint64().Draw(t, "seed")})
		volume := rapid.OneOf(rapid.IntRange(0, 1<<30), rapid.IntRange(0, 100*mss), rapid.Just(0), rapid.Just(1<<30))
		var total int64
		sample := func() RateSample {
			r := RateSample{PriorTotal: rapid.Int64Range(max(0, total-1<<31), total).Draw(t, "prior"), InFlight: volume.Draw(t, "tx in flight"),
				Lost: volume.Draw(t, "lost"), AppLimited: rapid.Bool().Draw(t, "app limited")}
			r.Delivered = int(min(total-r.PriorTotal, 1<<30))
			if rapid.Bool().Draw(t, "true") {
				r.Interval = time.Duration(min(float64(r.Delivered)/rate*1e9, 1e18)) / tick * tick
			} else {
				r.Interval = time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "interval"))
			}
			return r
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.Float64Range(0, 2).Draw(t, "pause") * float64(rtt))
			switch rapid.IntRange(0, 12).Draw(t, "what") {
			default:
				n := volume.Draw(t, "delivered")
				total += int64(n)
				b.Acknowledged(&w, Acknowledgment{Now: clock(), Bytes: n, Delivered: n, Lost: volume.Draw(t, "newly lost"),
					Before: volume.Draw(t, "before"), InFlight: volume.Draw(t, "in flight"), Total: total,
					RTT:        rapid.SampledFrom([]time.Duration{0, tick, rtt / tick * tick, rtt, 1 << 40}).Draw(t, "rtt"),
					Recovering: rapid.Bool().Draw(t, "recovering"), InTimeout: rapid.Bool().Draw(t, "in timeout"), Rate: sample()})
			case 0, 1:
				r := sample()
				b.SegmentLost(&w, SegmentLoss{Now: clock(), Bytes: volume.Draw(t, "lost now"), PriorTotal: r.PriorTotal,
					InFlight: r.InFlight, Lost: r.Lost, AppLimited: r.AppLimited})
			case 2:
				b.Lost(&w, Loss{Now: clock(), Flight: volume.Draw(t, "flight"), InFlight: volume.Draw(t, "in flight"), Timeout: rapid.Bool().Draw(t, "timeout")})
			case 3:
				b.Recovered(&w, Recovery{Now: clock(), Undone: rapid.Bool().Draw(t, "undone")})
			case 4:
				b.Sent(&w, Sending{Now: clock(), Bytes: volume.Draw(t, "sent"), InFlight: volume.Draw(t, "in flight"), AppLimited: rapid.Bool().Draw(t, "app limited")})
			case 5:
				b.Idle(&w, Idleness{Now: clock(), Restart: 10 * mss})
			case 6:
				b.CongestionExperienced(&w, Congestion{Now: clock(), Flight: volume.Draw(t, "flight")})
			case 7:
				now += 5 * time.Second
			}
			if w.Bytes < mss || w.Bytes > UnboundedThreshold || w.PacingRate < 1 || !w.Own {
				t.Fatalf("%+v: %v", w, &b)
			}
			if rate := b.maxBandwidth(); rate < 0 || math.IsNaN(b.bw) || math.IsInf(b.bw, 0) || math.IsNaN(rate) {
				t.Fatalf("max_bw is %v, bw %v", rate, b.bw)
			}
			if b.inflightLongterm < 0 || b.inflightLongterm > unboundedVolume || b.inflightShortterm < 0 || b.inflightShortterm > unboundedVolume ||
				b.extraAcked() < 0 || b.extraAcked() > unboundedVolume || b.bdp(2.25) > unboundedVolume {
				t.Fatalf("%v", &b)
			}
			if b.state == bbrNone || b.String() == "" {
				t.Fatalf("state %d", b.state)
			}
		}
	})
}

// The filter is the maximum of the last samples, as far as its three places allow:
// never less than the newest, never more than the window has.
func TestBBRMaxFilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.Uint32Range(1, 20).Draw(t, "window")
		now := rapid.Uint32().Draw(t, "start")
		var f maxFilter
		type sample struct {
			at    uint32
			value float64
		}
		var all []sample
		for range rapid.IntRange(1, 50).Draw(t, "samples") {
			now += rapid.Uint32Range(0, 4).Draw(t, "later")
			v := float64(rapid.IntRange(0, 9).Draw(t, "value"))
			all = append(all, sample{now, v})
			if len(all) == 1 {
				f = maxFilter{}
				f.update(now-window, window, 0)
			}
			f.update(now, window, v)
			most := 0.0
			for _, s := range all {
				if now-s.at < window {
					most = max(most, s.value)
				}
			}
			if got := f.max(); got < v || got > most {
				t.Fatalf("%v of %v at %d, want at least %v and at most %v", got, all, now, v, most)
			}
		}
	})
}

// Paths from a modem to a data centre are filled, with coarse clocks too.
func TestBBRFills(t *testing.T) {
	for _, c := range []struct {
		mbits float64
		rtt   time.Duration
	}{
		{0.2, 200 * time.Millisecond}, {1, time.Second}, {5, 10 * time.Millisecond}, {20, 300 * time.Millisecond},
		{1000, 100 * time.Microsecond}, {2000, 10 * time.Millisecond},
	} {
		p := newToyPath(c.mbits, c.rtt, 1)
		bbrOn(p)
		p.run(min(40*c.rtt+time.Second, 40*time.Second), nil)
		d := min(max(10*c.rtt, time.Duration(2e9/c.mbits)), 10*time.Second)
		least := 0.9
		if c.rtt >= time.Second {
			least = 0.75 // ProbeRTT takes two round trips of each five seconds
		}
		if r := p.measure(d); r.mbits < least*c.mbits {
			t.Errorf("%v Mbit/s, %v: %v: %v", c.mbits, c.rtt, r, p.cc)
		}
	}
}
