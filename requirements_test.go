package usernet_test

import (
	"io"
	"sync"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// What RFC 9293 says that an application can set. docs/requirements.md lists which
// test shows which requirement.

// tcpHeaders gathers the fields of IP headers that TCP segments have on a link.
type tcpHeaders struct {
	mu           sync.Mutex
	ttl, classes map[uint8]int // how many segments have each, apart from the bits of ECN
}

func (h *tcpHeaders) hear(e link.Event) {
	if e.Direction != link.Sent {
		return
	}
	b := e.Packet.Data[0]
	h.mu.Lock()
	defer h.mu.Unlock()
	if ip, _, r := wire.ParseIPv4(b, e.Packet.Len()); r == wire.OK && ip.Protocol == wire.ProtocolTCP {
		h.ttl[ip.TTL]++
		h.classes[ip.TOS&^3]++
	} else if ip, _, r := wire.ParseIPv6(b, e.Packet.Len()); r == wire.OK && ip.NextHeader == wire.ProtocolTCP {
		h.ttl[ip.HopLimit]++
		h.classes[ip.TrafficClass&^3]++
	}
}

// take returns what was gathered since the last call.
func (h *tcpHeaders) take() (ttl, classes map[uint8]int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ttl, classes = h.ttl, h.classes
	h.ttl, h.classes = make(map[uint8]int), make(map[uint8]int)
	return ttl, classes
}

func TestTTLAndTrafficClass(t *testing.T) {
	for _, addr := range []string{"10.0.0.2:7", "[fd00::2]:7"} {
		t.Run(addr, func(t *testing.T) {
			// RFC 9293 MUST-48, MUST-49, SHLD-21, SHLD-22
			near, far := pipe.New(pipe.Config{Medium: link.IP})
			heard := new(tcpHeaders)
			heard.take()
			a, b := newStack(t, usernet.Config{TTL: 17}), newStack(t, usernet.Config{})
			attach(t, a, link.Trace(near, heard.hear), 1)
			attach(t, b, far, 2)
			ln, err := b.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if c, err := ln.Accept(); err == nil {
					io.Copy(c, c)
					c.Close()
				}
			}()
			c, err := a.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for _, class := range []uint8{0, 46 << 2, 8 << 2} { // as the connection goes on
				if err := c.(*usernet.TCPConn).SetTrafficClass(class | 1); err != nil { // a bit of ECN: ignored
					t.Fatal(err)
				}
				heard.take()
				if _, err := c.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				ttl, classes := heard.take()
				if len(ttl) != 1 || ttl[17] == 0 {
					t.Errorf("segments by time to live: %v, want all with 17", ttl)
				}
				if len(classes) != 1 || classes[class] == 0 {
					t.Errorf("segments by DiffServ field: %v, want all with %#x", classes, class)
				}
			}
		})
	}
}
