package host

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A path that takes less than the link: the next datagrams go in smaller fragments,
// until the news is ten minutes old.
func TestPathMTUForUDP(t *testing.T) {
	for _, to := range []netip.Addr{far4, far6} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Config{}, link.Info{Medium: link.IP})
			sock := dialUDP(t, r.h, netip.AddrPortFrom(to, 9))
			largest := func() (n int) {
				t.Helper()
				if _, err := sock.Write(make([]byte, 1400)); err != nil {
					t.Fatal(err)
				}
				for _, s := range r.l.take() {
					n = max(n, len(s.frame))
				}
				return n
			}
			sock.Write(make([]byte, 1400))
			sent := r.one()
			typ, code := byte(3), byte(4)
			if to.Is6() {
				typ, code = 2, 0
			}
			tooBig := func(mtu uint32) []byte { return quoting(typ, code, mtu, sent)[wire.EthernetLen:] }
			r.counted(func() { r.inject(tooBig(1500)) }, ReasonICMPErrorMTU)
			if n := largest(); n < 1400 {
				t.Errorf("an MTU that is no smaller was believed: %d", n)
			}
			r.inject(tooBig(1300))
			if n := largest(); n > 1300 || n < 1280 {
				t.Errorf("largest packet %d, want 1300 at most", n)
			}
			if to.Is4() {
				r.inject(tooBig(0)) // the router does not tell
				if n := largest(); n > 1006 || n < 990 {
					t.Errorf("largest packet %d, want the plateau of 1006", n)
				}
				r.inject(tooBig(68))
				if n := largest(); n > minPathMTUv4 || n < 500 {
					t.Errorf("largest packet %d, want %d", n, minPathMTUv4)
				}
			} else {
				r.counted(func() { r.inject(tooBig(1279)) }, ReasonICMPErrorMTU)
			}
			time.Sleep(pathMTULife)
			if n := largest(); n < 1400 {
				t.Errorf("largest packet %d ten minutes later", n)
			}
		})
	}
}

// The table of path MTUs is bounded: the oldest goes.
func TestPathMTUsAreBounded(t *testing.T) {
	var p pathMTUs
	now := time.Unix(1000, 0)
	for i := range 3 * maxPathMTUs {
		p.learn(now.Add(time.Duration(i)), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1000)
	}
	if len(p.byAddr) != maxPathMTUs {
		t.Errorf("%d entries, want %d", len(p.byAddr), maxPathMTUs)
	}
	last := 3*maxPathMTUs - 1
	if n := p.limit(now, netip.AddrFrom4([4]byte{10, 1, byte(last >> 8), byte(last & 255)}), 1500); n != 1000 {
		t.Errorf("the newest is gone: %d", n)
	}
}

// RFC 8201, 4: "A node must not increase its estimate of the Path MTU in response to
// the contents of a Packet Too Big message." RFC 1191, 3, says the same. Who is told
// of again is not the oldest any more.
func TestPathMTUOnlyFalls(t *testing.T) {
	var p pathMTUs
	now := time.Unix(1000, 0)
	learn := func(a netip.Addr, mtu int, useful bool) {
		t.Helper()
		if got, _ := p.learn(now, a, mtu); got != useful {
			t.Errorf("learn(%v, %d) = %v", a, mtu, got)
		}
		now = now.Add(time.Second)
	}
	limit := func(a netip.Addr, want int) {
		t.Helper()
		if got := p.limit(now, a, 1500); got != want {
			t.Errorf("%v takes %d, want %d", a, got, want)
		}
	}
	learn(peer6, 1300, true)
	learn(peer6, 1400, false)
	limit(peer6, 1300)
	now = now.Add(pathMTULife - 2*time.Second)
	limit(peer6, 1500) // the larger one has not made it live longer
	learn(peer6, 1400, true)
	limit(peer6, 1400)

	learn(peer4, 1000, true)
	for i := range maxPathMTUs - 2 {
		learn(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1000, true)
	}
	learn(peer6, 1300, true)
	learn(far6, 1300, true) // takes the place of the oldest
	limit(peer6, 1300)
	limit(peer4, 1500)
}
