package host

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// A holeLink loses packets that are larger than size.
type holeLink struct {
	link.Link
	size atomic.Int64 // bytes, IP header included
	says bool         // that it does
}

func (l *holeLink) Send(batch []link.Packet) (int, error) {
	for i := range batch {
		size := batch[i].Len() - wire.EthernetLen
		if s := batch[i].Offload; s.Segmentation != link.SegmentNone {
			size = int(s.HeaderLen) - wire.EthernetLen + int(s.SegmentSize)
		}
		if size > int(l.size.Load()) {
			if l.says {
				return i, fmt.Errorf("link: %w", syscall.EMSGSIZE)
			}
		} else {
			if _, err := l.Link.Send(batch[i : i+1]); err != nil {
				return i, err
			}
		}
	}
	return len(batch), nil
}

// A path that silently loses large packets: the transfer goes on in smaller ones,
// and later connections and datagrams start with what was found out.
func TestTCPBlackHole(t *testing.T) {
	for _, variant := range []struct{ gso, says bool }{{}, {gso: true}, {says: true}} {
		for _, family := range families {
			t.Run(family.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					la, lb := pipe.New(pipe.Config{MTU: 1500, GSO: variant.gso})
					hole := &holeLink{Link: la, says: variant.says}
					hole.size.Store(1300)
					a := newHostOn(t, hole, 1, hostNets)
					b := newHostOn(t, lb, 2, []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)})
					to := netip.AddrPortFrom(family.peer, 7).String()
					l := listenTCP(t, b, "[::]:7")
					transfer := func() *TCPConn {
						c := dialTCP(t, a, to)
						s, err := l.Accept()
						if err != nil {
							t.Fatal(err)
						}
						want := make([]byte, 1<<20)
						rand.NewChaCha8([32]byte{1}).Read(want)
						go func() {
							c.Write(want)
							c.CloseWrite()
						}()
						got, err := io.ReadAll(s)
						if err != nil || !bytes.Equal(got, want) {
							t.Fatalf("%d bytes, %v", len(got), err)
						}
						s.Close()
						return c
					}
					start := time.Now()
					c := transfer()
					if d := time.Since(start); d > 4*time.Second {
						t.Errorf("the transfer took %v, want that of three timeouts", d)
					}
					if i := c.Info(); i.BlackHoles != 1 || i.PathMSS != 1220 {
						t.Errorf("%d black holes, path takes %d; want one and 1220", i.BlackHoles, i.PathMSS)
					}
					if mtu := a.pathMTUs.limit(time.Now(), family.peer, 1500); mtu > 1280 || mtu < 1260 {
						t.Errorf("datagrams may have %d bytes", mtu)
					}
					start = time.Now()
					if i := transfer().Info(); i.BlackHoles != 0 || i.PathMSS != 1220 {
						t.Errorf("the next connection: %d black holes, path takes %d; want none and 1220", i.BlackHoles, i.PathMSS)
					}
					if d := time.Since(start); d > 0 {
						t.Errorf("it took %v, want no timeout", d)
					}
					// Long after that, and with the hole gone, all is as it was.
					hole.size.Store(65535)
					time.Sleep(pathMTULife)
					if i := transfer().Info(); i.PathMSS != 0 {
						t.Errorf("ten minutes later the path takes %d", i.PathMSS)
					}
				})
			})
		}
	}
}

// A passing failure of the whole path is told from a black hole, and what was
// learnt is forgotten.
func TestTCPBlackHoleThatIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		la, lb := pipe.New(pipe.Config{MTU: 1500})
		hole := &holeLink{Link: la}
		hole.size.Store(65535)
		a := newHostOn(t, hole, 1, hostNets)
		b := newHostOn(t, lb, 2, []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)})
		c, s := tcpPair(t, a, b, netip.AddrPortFrom(peer4, 7).String())
		go io.Copy(io.Discard, s)
		hole.size.Store(0)
		c.Write(make([]byte, 100_000))
		time.Sleep(5 * time.Second)
		if i := c.Info(); i.BlackHoles == 0 {
			t.Error("no black hole is suspected")
		}
		hole.size.Store(65535)
		time.Sleep(time.Minute)
		if i := c.Info(); i.PathMSS != 0 || i.Queued != 0 {
			t.Errorf("the path takes %d, %d bytes are queued", i.PathMSS, i.Queued)
		}
		if mtu := a.pathMTUs.limit(time.Now(), peer4, 1500); mtu != 1500 {
			t.Errorf("datagrams may have %d bytes", mtu)
		}
	})
}

// ICMP's "too big" for one connection holds for the next one, too; but that one
// tells the peer what our link takes.
func TestTCPTooBigIsKept(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		c := p.accept(wire.TCPOptions{HasMSS: true, MSS: 1400})
		if _, err := c.Write(make([]byte, 1400)); err != nil {
			t.Fatal(err)
		}
		packet := bytes.Clone(p.l.take()[0].frame[ipAt:])
		p.inject(tooBigFor(packet, 1300))
		second := &tcpPeer{rig: p.rig, host: netip.AddrPortFrom(p.host.Addr(), 100), peer: p.peer, seq: 300}
		p.l.take()
		want := mssForMTU(1300, p.host.Addr())
		d := second.accept(wire.TCPOptions{HasMSS: true, MSS: 1400})
		if i := d.Info(); i.PathMSS != want || i.AdvertisedMSS != mssForMTU(1500, p.host.Addr()) {
			t.Errorf("the second connection sends %d and tells %d, want %d and %d", i.PathMSS, i.AdvertisedMSS, want, mssForMTU(1500, p.host.Addr()))
		}
	})
}
