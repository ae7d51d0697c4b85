package host

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// A narrowLink takes a part of each batch, chosen by chance, and says that it does no
// work on packets if plain is set.
type narrowLink struct {
	link.Link
	t     *testing.T
	plain bool
	mu    sync.Mutex
	rand  *rand.Rand
	open  bool // it takes all
	cut   int  // batches of which it took a part
}

func (l *narrowLink) Info() link.Info {
	info := l.Link.Info()
	info.ChecksumOffload = !l.plain
	return info
}

func (l *narrowLink) Send(batch []link.Packet) (int, error) {
	for i := range batch {
		if p := &batch[i]; p.Offload.Segmentation != link.SegmentNone || l.plain && p.Offload != (link.Offload{}) {
			l.t.Errorf("offload %+v", p.Offload)
		}
	}
	l.mu.Lock()
	n := len(batch)
	if !l.open {
		n = l.rand.IntN(n + 1)
	}
	if n > 0 && n < len(batch) {
		l.cut++
	}
	l.mu.Unlock()
	return l.Link.Send(batch[:n])
}

// What a link that does not cut has not taken of a super-segment goes on from there:
// nothing is sent twice.
func TestLinkTakesAPartOfASuperSegment(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for _, mtu := range []int{1500, 600} {
			for _, addr := range []string{"10.0.0.2:7", "[fd00::2]:7"} {
				if mtu < minMTUv6 && addr[0] == '[' {
					continue
				}
				t.Run(fmt.Sprintf("plain=%v/mtu=%d/%s", plain, mtu, addr), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { partOfASuperSegment(t, plain, mtu, addr) })
				})
			}
		}
	}
}

func partOfASuperSegment(t *testing.T, plain bool, mtu int, addr string) {
	near, far := pipe.New(pipe.Config{MTU: mtu})
	narrow := &narrowLink{Link: near, t: t, plain: plain, rand: rand.New(rand.NewPCG(1, 2)), open: true}
	nets := func(n byte) []netip.Prefix {
		v6 := [16]byte{0: 0xfd, 15: n}
		return []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), 24), netip.PrefixFrom(netip.AddrFrom16(v6), 64)}
	}
	a, b := newHostOn(t, narrow, 1, nets(1)), newHostOn(t, far, 2, nets(2))
	c, peer := tcpPair(t, a, b, addr)
	narrow.mu.Lock()
	narrow.open = false
	narrow.mu.Unlock()
	text := make([]byte, 4<<20)
	for i := range text {
		text[i] = byte(i>>8 ^ i)
	}
	go func() {
		c.Write(text)
		c.CloseWrite()
	}()
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, text) {
		t.Errorf("read %d bytes, %v, which are right: %v", len(got), err, bytes.Equal(got, text))
	}
	if info := c.Info(); info.Resent > 0 || info.BytesSent != uint64(len(text)) {
		t.Errorf("%d segments were sent again, %d bytes sent", info.Resent, info.BytesSent)
	}
	sent, received := c.Info().TextSegmentsSent, peer.Info().TextSegmentsReceived
	if sent != received || narrow.cut < 10 {
		t.Errorf("%d segments sent, %d received; of %d batches the link took a part", sent, received, narrow.cut)
	}
}
