package host

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// tooBig makes a "packet too big" of the peer about a packet of ours.
func tooBig(mtu int, quoted []byte) []byte {
	if quoted[0]>>4 == 6 {
		return quoting(2, 0, uint32(mtu), quoted)
	}
	return quoting(3, 4, uint32(mtu), quoted)
}

// RFC 5927 for datagrams: an error about what was not sent lately changes nothing, for
// sockets that are connected and for those that are not. Only who is on the path knows
// what was sent.
func TestICMPErrorsMatchRecentDatagrams(t *testing.T) {
	for _, c := range []struct{ own, far netip.Addr }{{host4, far4}, {host6, far6}} {
		for _, connected := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Config{}, link.Info{})
				local, remote := netip.AddrPortFrom(c.own, udpPort), netip.AddrPortFrom(c.far, 9)
				var sock *UDPConn
				var err error
				write := func(n int) {
					if connected {
						_, err = sock.Write(make([]byte, n))
					} else {
						_, err = sock.WriteTo(make([]byte, n), remote)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if connected {
					sock, err = r.h.DialUDP(local, remote)
				} else {
					sock, err = r.h.ListenUDP(local, FamilyAny)
				}
				if err != nil {
					t.Fatal(err)
				}
				limit := func() int { return r.h.pathMTUs.limit(time.Now(), c.far, 1500) }
				large := udpPacket(local, remote, string(make([]byte, 1400)))

				r.counted(func() { r.inject(tooBig(1300, large)) }, ReasonICMPErrorUnknown) // nothing was sent
				write(100)
				r.counted(func() { r.inject(tooBig(1300, large)) }, ReasonICMPErrorUnknown) // nothing so large
				other := udpPacket(local, netip.AddrPortFrom(c.far, 10), string(make([]byte, 1400)))
				r.counted(func() { r.inject(tooBig(1300, other)) }, ReasonICMPErrorUnknown) // not there
				write(1400)
				r.l.take()
				time.Sleep(recentTime + 2*time.Second)
				r.counted(func() { r.inject(tooBig(1300, large)) }, ReasonICMPErrorUnknown) // long ago
				if n := limit(); n != 1500 {
					t.Errorf("forged errors make the path's MTU %d", n)
				}
				refused := quoting(3, 3, 0, large)
				if c.own.Is6() {
					refused = quoting(1, 4, 0, large)
				}
				r.counted(func() { r.inject(refused) }, ReasonICMPErrorUnknown)
				write(1400) // and the socket has not heard of it
				r.counted(func() { r.inject(tooBig(1300, large)) })
				if n := limit(); n != 1300 {
					t.Errorf("the path's MTU is %d, want 1300", n)
				}
			})
		}
	}
}

// Flows do not displace each other until a set is full, and then the one that has been
// silent longest goes.
func TestRecentDatagramsInOneSet(t *testing.T) {
	var m recentDatagrams
	m.init([32]byte{1})
	full, _ := m.set(far4, 0)
	var ports []uint32
	for p := uint32(0); len(ports) <= recentWays; p++ {
		if set, _ := m.set(far4, p); set == full {
			ports = append(ports, p)
		}
	}
	at := func(i int) time.Duration { return time.Duration(i) * time.Second }
	for i, p := range ports[:recentWays] {
		m.note(at(i), far4, p, 100)
	}
	for _, p := range ports[:recentWays] {
		if !m.sent(at(recentWays), far4, p, 100) {
			t.Errorf("flow %d of %d is forgotten", p, recentWays)
		}
	}
	m.note(at(recentWays), far4, ports[0], 200)
	m.note(at(recentWays), far4, ports[recentWays], 100)
	for i, p := range ports {
		if got, want := m.sent(at(recentWays), far4, p, 100), i != 1; got != want {
			t.Errorf("flow %d is remembered: %v, want %v", i, got, want)
		}
	}
}

// A ping's error must be about a request that waits.
func TestICMPErrorsMatchPings(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	p, err := r.h.NewPinger(peer4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	request := echoRequest(host4, peer4, string(make([]byte, 1400)))
	request[24], request[25] = byte(p.id>>8), byte(p.id)
	r.counted(func() { r.inject(tooBig(600, request)) }, ReasonICMPErrorUnknown)
	if n := r.h.pathMTUs.limit(time.Now(), peer4, 1500); n != 1500 {
		t.Errorf("a forged error makes the path's MTU %d", n)
	}
}

// RFC 5927, 7.2: nor may an error be about a segment that is acknowledged, or was
// never sent. No MTU below 552 is believed, nor that a packet which fits was too big.
func TestICMPTooBigMatchesSegments(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		c := p.accept(mss1000)
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		segment := bytes.Clone(p.l.take()[0].frame[ipAt:])
		header := len(segment) - 1000 - wire.TCPLen
		mss := c.Info().MSS
		for _, seq := range []int{-1, 1000} {
			forged := bytes.Clone(segment)
			h, _, _ := wire.ParseTCP(segment[header:], len(segment)-header)
			putSeq(forged[header+4:], h.Seq.Add(seq))
			p.counted(func() { p.inject(tooBig(1280, forged)) }, ReasonICMPErrorMTU)
			long := bytes.Clone(forged) // it says that it is longer
			lengthen(long, 1500)
			p.counted(func() { p.inject(tooBig(1280, long)) }, ReasonICMPErrorUnknown)
		}
		if got := c.Info().MSS; got != mss {
			t.Errorf("forged errors make the MSS %d, it was %d", got, mss)
		}
	})
}

func putSeq(b []byte, s wire.Seq) {
	b[0], b[1], b[2], b[3] = byte(s>>24), byte(s>>16), byte(s>>8), byte(s)
}

// lengthen lets a packet's header say that it has n bytes.
func lengthen(packet []byte, n int) {
	if packet[0]>>4 == 4 {
		putUint16(packet[2:], uint16(n))
		return
	}
	putUint16(packet[4:], uint16(n-wire.IPv6Len))
}

func BenchmarkRecentDatagrams(b *testing.B) {
	var m recentDatagrams
	m.init([32]byte{1})
	for i := range b.N {
		m.note(time.Duration(i)*time.Microsecond, far4, uint32(i%1000), 1000)
	}
}
