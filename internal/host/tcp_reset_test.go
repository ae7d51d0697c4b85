package host

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// full makes the link have no room, or have it again.
func (l *testLink) full(full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.room = -1; full {
		l.room = 0
	}
}

// A reset that meets a full link is tried again, and leaves once there is room.
func TestTCPResetWaitsForRoom(t *testing.T) {
	for name, end := range map[string]func(p *tcpPeer, c *TCPConn){
		"abort":       func(p *tcpPeer, c *TCPConn) { c.SetLinger(0); c.Close() },
		"unread text": func(p *tcpPeer, c *TCPConn) { c.Close() },
		"text behind Close": func(p *tcpPeer, c *TCPConn) {
			c.Read(make([]byte, 10))
			c.CloseWrite()
			c.Close()
			p.send("more")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
				c := p.accept(mss1000)
				p.send("unread")
				p.l.take()
				p.l.full(true)
				end(p, c)
				time.Sleep(100 * time.Millisecond)
				p.silent()
				if n := p.h.Stats().TCP.Connections; n != 1 {
					t.Errorf("%d connections while the reset waits, want 1", n)
				}
				if n, err := c.Read(make([]byte, 1)); n != 0 || err != ErrClosed {
					t.Errorf("Read of a closed connection: %d, %v", n, err)
				}
				p.l.full(false)
				time.Sleep(resetPatience / resetWaits)
				if s := p.segment1(); s.Flags&^wire.ACK != wire.RST || s.Seq != p.ack {
					t.Errorf("%s, want a reset at %d", s.Notation(0), p.ack)
				}
				if n := p.h.Stats().TCP.Connections; n != 0 {
					t.Errorf("%d connections, want none", n)
				}
				time.Sleep(time.Second)
				p.silent()
			})
		})
	}
}

// It is not tried for ever, and the host's Close waits no longer for it.
func TestTCPResetIsGivenUp(t *testing.T) {
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		c := p.accept(mss1000)
		p.l.full(true)
		c.SetLinger(0)
		p.counted(func() {
			c.Close()
			time.Sleep(resetPatience + 2*tcpLinkRetry)
		}, ReasonLinkFull)
		if n := p.h.Stats().TCP.Connections; n != 0 {
			t.Errorf("%d connections, want none", n)
		}
		p.l.full(false)
		time.Sleep(time.Second)
		p.silent()
	})
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		for i := range 10 {
			other := &tcpPeer{rig: p.rig, host: netip.AddrPortFrom(p.host.Addr(), uint16(100+i)), peer: p.peer, seq: 300}
			other.accept(mss1000)
		}
		p.l.full(true)
		start := time.Now()
		p.h.Close()
		if d := time.Since(start); d < resetPatience || d > resetPatience+2*tcpLinkRetry {
			t.Errorf("Close takes %v over a full link, want %v", d, resetPatience)
		}
	})
	// Over one that has room in time, the resets leave.
	inFamilies(t, Config{}, link.Info{}, func(t *testing.T, p *tcpPeer) {
		p.accept(mss1000)
		p.l.full(true)
		time.AfterFunc(300*time.Millisecond, func() { p.l.full(false) })
		start := time.Now()
		p.h.Close()
		if d := time.Since(start); d < 300*time.Millisecond || d > 300*time.Millisecond+resetPatience/resetWaits {
			t.Errorf("Close takes %v, want 300ms", d)
		}
		if s := p.segment1(); s.Flags != wire.RST || s.Seq != p.ack {
			t.Errorf("%s, want a reset at %d", s.Notation(0), p.ack)
		}
	})
}

// An interface that is down is a passing condition for an open connection, which
// says so, and goes on when the interface returns; a dial fails at once.
func TestTCPLinkDown(t *testing.T) {
	inFamilies(t, Config{}, link.Info{Medium: link.IP}, func(t *testing.T, p *tcpPeer) {
		refuse := func(err error) {
			p.l.mu.Lock()
			defer p.l.mu.Unlock()
			p.l.refuse = err
		}
		inject := func(packet []byte) { p.deliver([]link.Packet{{Data: [][]byte{packet}}}) }
		l, err := p.h.ListenTCP(p.host, FamilyAny, 10, TCPOptions{NoDelay: true})
		if err != nil {
			t.Fatal(err)
		}
		inject(p.segment(wire.SYN, mss1000, ""))
		p.segment1()
		p.seq = p.seq.Add(1)
		inject(p.segment(wire.ACK, wire.TCPOptions{}, ""))
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}

		down := errors.New("interface is down")
		refuse(down)
		lost := p.h.Stats().Drops[ReasonLinkDown]
		out := p.h.Stats().TCP.SegmentsOut
		if _, err := c.Write([]byte("x")); err != nil {
			t.Errorf("Write while the interface is down: %v", err)
		}
		time.Sleep(10 * time.Second)
		if i := c.Info(); i.State != tcp.StateEstablished || i.SoftError != ErrLinkDown || i.Retransmits < 3 {
			t.Errorf("the connection is %+v", i)
		}
		if n := p.h.Stats().Drops[ReasonLinkDown] - lost; n < 4 || n != uint64(1+c.Info().Resent) {
			t.Errorf("%d drops under %q, want one for each segment", n, ReasonLinkDown)
		}
		if n := p.h.Stats().TCP.SegmentsOut - out; n != 0 {
			t.Errorf("%d segments went out, want none", n)
		}
		d, err := p.h.DialTCP(netip.AddrPort{}, p.peer, TCPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := d.ConnectError(); err != ErrLinkDown {
			t.Errorf("a dial while the interface is down: %v, want %v", err, ErrLinkDown)
		}

		refuse(nil)
		time.Sleep(10 * time.Second)
		if s := p.segment1(); string(s.text) != "x" {
			t.Errorf("%s once the interface is back", s.Notation(len(s.text)))
		}
		inject(p.segment(wire.ACK, wire.TCPOptions{}, ""))
		if i := c.Info(); i.SoftError != nil || i.Queued != 0 {
			t.Errorf("the connection is %+v", i)
		}
		c.SetLinger(0)
		refuse(down)
		c.Close()
		if n := p.h.Stats().TCP.Connections; n != 0 {
			t.Errorf("%d connections: a reset does not wait for a link that is down", n)
		}
	})
}
