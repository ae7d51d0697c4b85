package host

import (
	"net/netip"
	"testing"
	"time"
)

// A burst has no fixed length that an attacker could count on (CVE-2020-25705), and
// is never longer than twice, nor shorter than half of what it is on average, but for
// the luck of free answers.
func TestRateLimitBurst(t *testing.T) {
	now := time.Unix(1, 0)
	lengths, sum := make(map[int]bool), 0
	for seed := range 100 {
		var l rateLimit
		l.init(1000, [32]byte{byte(seed)})
		n := 0
		for l.allow(now, peer4) {
			n++
		}
		if n < rateBurst/2 || n > 2*rateBurst {
			t.Errorf("burst of %d answers", n)
		}
		lengths[n] = true
		sum += n
	}
	if len(lengths) < 10 {
		t.Errorf("bursts are of %d lengths only", len(lengths))
	}
	if mean := sum / 100; mean < rateBurst-5 || mean > rateBurst+5 {
		t.Errorf("a burst is %d answers on average, want %d", mean, rateBurst)
	}
}

// RFC 4443, 2.4 (f), and RFC 1812, 4.3.2.8: the rate of errors is limited, over any
// time, whoever they go to.
func TestRateLimitRate(t *testing.T) {
	var l rateLimit
	l.init(1000, [32]byte{1})
	now, n := time.Unix(1, 0), 0
	for i := range 100_000 { // ten seconds of 10,000 packets, from everywhere
		now = now.Add(100 * time.Microsecond)
		if l.allow(now, netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})) {
			n++
		}
	}
	if n < 9500 || n > 10500 {
		t.Errorf("%d answers in 10 s at 1000 a second", n)
	}
}

// Who floods us is answered at its own rate, and keeps nobody from an answer.
func TestRateLimitShare(t *testing.T) {
	for _, c := range []struct{ flood, other netip.Addr }{{far4, peer4}, {far6, peer6}} {
		var l rateLimit
		l.init(1000, [32]byte{1})
		now, flood, other := time.Unix(1, 0), 0, 0
		for i := range 100_000 {
			now = now.Add(100 * time.Microsecond)
			from := c.flood
			if from.Is6() { // from all over its network
				b := from.As16()
				b[14], b[15] = byte(i>>8), byte(i)
				from = netip.AddrFrom16(b)
			}
			if l.allow(now, from) {
				flood++
			}
			if i%1000 == 999 && l.allow(now, c.other) { // ten a second
				other++
			}
		}
		if flood > 10*1000/rateShare*11/10 {
			t.Errorf("%d answers to a flood in 10 s", flood)
		}
		if other != 100 {
			t.Errorf("%d of 100 answers to another host", other)
		}
	}
}

// What the limit remembers does not grow, and answering costs no allocation.
func TestRateLimitBounded(t *testing.T) {
	var l rateLimit
	l.init(1000, [32]byte{1})
	now, i := time.Unix(1, 0), 0
	l.allow(now, peer4)
	if n := testing.AllocsPerRun(1000, func() {
		i++
		l.allow(now, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}); n != 0 {
		t.Errorf("%v allocations an answer", n)
	}
	if len(l.each) != rateBuckets {
		t.Errorf("%d buckets", len(l.each))
	}
}
