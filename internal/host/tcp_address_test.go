package host

import (
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Whatever has an address that goes away ends, in every state, and without a word
// on the wire; what has another address lives on.
func TestTCPAddressGoes(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		other4, other6 := netip.MustParsePrefix("10.0.0.77/24"), netip.MustParsePrefix("2001:db8::77/64")
		for _, a := range []netip.Prefix{other4, other6} {
			if err := p.h.AddAddress("eth0", a); err != nil {
				t.Fatal(err)
			}
		}
		goes := other4.Addr()
		if p.host.Addr().Is6() {
			goes = other6.Addr()
		}
		at := func(a netip.Addr, port uint16) *tcpPeer {
			return &tcpPeer{rig: p.rig, host: netip.AddrPortFrom(a, port), peer: p.peer, seq: 300}
		}
		stays := at(p.host.Addr(), 1).accept(mss1000)
		open := at(goes, 1)
		gone := open.accept(mss1000)
		open.send("unread")
		p.l.take()
		inTimeWait := at(goes, 3)
		c := inTimeWait.accept(mss1000)
		c.Close()
		inTimeWait.segment1()
		inTimeWait.inject(frame(inTimeWait.segment(wire.FIN|wire.ACK, wire.TCPOptions{}, "")))
		dialled := p.dial(netip.AddrPortFrom(goes, 4))
		backlog, err := p.h.ListenTCP(netip.AddrPortFrom(goes, 5), FamilyAny, 10, TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		halfOpen := at(goes, 5)
		halfOpen.inject(frame(halfOpen.segment(wire.SYN, mss1000, "")))
		time.Sleep(100 * time.Millisecond) // delayed ACKs
		if n := p.h.Stats().TCP; n.Connections != 4 || n.TimeWait != 1 {
			t.Fatalf("%d connections and %d in TIME-WAIT, want 4 and 1", n.Connections, n.TimeWait)
		}
		p.l.take()

		if err := p.h.RemoveAddress("eth0", goes); err != nil {
			t.Fatal(err)
		}
		for _, s := range p.segments() {
			t.Errorf("sent %s from %v", s.Notation(len(s.text)), s.src)
		}
		if n := p.h.Stats().TCP; n.Connections != 1 || n.TimeWait != 0 {
			t.Errorf("%d connections and %d in TIME-WAIT, want 1 and none", n.Connections, n.TimeWait)
		}
		select {
		case <-dialled.Connected():
			if err := dialled.ConnectError(); err != ErrAddrNotAvail {
				t.Errorf("dial: %v, want %v", err, ErrAddrNotAvail)
			}
		default:
			t.Error("the dial goes on")
		}
		b := make([]byte, 10)
		if n, err := gone.Read(b); string(b[:n]) != "unread" || err != nil {
			t.Errorf("Read: %q, %v, want what has arrived", b[:n], err)
		}
		if _, err := gone.Read(b); err != ErrAddrNotAvail {
			t.Errorf("Read: %v, want %v", err, ErrAddrNotAvail)
		}
		backlog.SetDeadline(time.Now().Add(time.Second))
		if _, err := backlog.Accept(); err != ErrDeadline {
			t.Errorf("Accept: %v, want %v", err, ErrDeadline)
		}
		if _, err := stays.Write([]byte("x")); err != nil {
			t.Errorf("Write by way of another address: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
		if s := p.segments(); len(s) != 1 || s[0].src != p.host.Addr() {
			t.Errorf("%d segments, want one", len(s))
		}

		// Told late of an address that has returned, nothing happens.
		p.h.addressesGone(time.Now(), []netip.Addr{p.host.Addr()})
		if n := p.h.Stats().TCP.Connections; n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}
