package host

import (
	"net/netip"
	"sync"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A neighbourTable is an interface's neighbourCache with its lock and its timer,
// and speaks ARP and ND for it.
type neighbourTable struct {
	ifc   *iface
	timer timer

	mu     sync.Mutex // nothing but the timers' lock is taken under it
	cache  neighbourCache
	closed bool // the interface is gone: no timer any more
}

func (t *neighbourTable) init(ifc *iface) error {
	var random [2]byte
	if err := ifc.h.random(random[:]); err != nil {
		return err
	}
	t.ifc = ifc
	t.cache.epoch = ifc.h.epoch
	t.cache.init(ifc.h.config.MaxNeighbours, float64(uint16(random[0])<<8|uint16(random[1]))/65535)
	t.timer.owner = timerFunc(func(now time.Time) {
		t.mu.Lock()
		t.cache.Advance(now)
		t.settle(now)
	})
	return nil
}

// setTimes sets what a router has told; zero: nothing.
func (t *neighbourTable) setTimes(reachable, retrans time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cache.SetTimes(durationOr(reachable, reachableTime), durationOr(retrans, retransTimer))
}

// get returns the entry for addr.
func (t *neighbourTable) get(addr netip.Addr) *neighbour {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cache.Get(addr)
}

// receive hands a message to the cache.
func (t *neighbourTable) receive(now time.Time, m neighbourMessage) Reason {
	t.mu.Lock()
	r := t.cache.Receive(now, m)
	t.settle(now)
	return r
}

// settle does what the cache wants done, and sets the timer. It is called with mu
// held and returns without.
func (t *neighbourTable) settle(now time.Time) {
	for {
		e, ok := t.cache.Next()
		if !ok {
			break
		}
		t.mu.Unlock()
		t.perform(now, &e)
		t.mu.Lock()
		t.cache.Done(&e)
	}
	if !t.closed {
		t.ifc.h.timers.set(&t.timer, t.cache.Deadline())
	}
	t.mu.Unlock()
}

// close stops the timer for good.
func (t *neighbourTable) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.ifc.h.timers.remove(&t.timer)
}

func (t *neighbourTable) perform(now time.Time, e *neighbourEvent) {
	switch e.kind {
	case eventSolicit:
		if e.addr.Is4() {
			t.sendARPRequest(e)
		} else {
			t.sendNeighborSolicitation(now, e)
		}
	case eventSend:
		copy(e.packet.frame, e.mac[:])
		packet := [1]link.Packet{{Data: [][]byte{e.packet.frame}, Offload: e.packet.offload}}
		t.ifc.transmitOrDrop(packet[:])
	case eventUnreachable:
		t.ifc.autoconf.neighbour(now, (*routerDiscovery).Unreachable, e.addr)
	case eventDrop:
		if e.reason == ReasonNeighbourFailed && t.reroute(now, e) {
			return
		}
		t.ifc.h.stats.drop(e.reason)
		if e.reason == ReasonNeighbourFailed {
			t.ifc.h.flowFailed(now, t.ifc, &e.packet)
		}
	}
}

// reroute sends the packet of e, whose neighbour has not answered, by the router that
// has taken its place: false if there is none. A packet moves once, so that routers
// none of which answers do not keep it for ever.
//
// RFC 4861, 7.3.3: "If address resolution fails, the entry SHOULD be deleted, so that
// subsequent traffic to that neighbor invokes the next-hop determination procedure
// again. Invoking next-hop determination at this point ensures that alternate default
// routers are tried."
func (t *neighbourTable) reroute(now time.Time, e *neighbourEvent) bool {
	if e.packet.moved || !e.addr.Is6() {
		return false // only routers that advertise themselves are replaced
	}
	q, _ := wire.ParseQuote(e.packet.frame[headroom:])
	entry, ok := t.ifc.h.net.Load().find(q.Src, q.Dst, "")
	if !ok || entry.ifc != t.ifc || !entry.gateway.IsValid() || entry.gateway == e.addr {
		return false
	}
	t.mu.Lock()
	n := t.cache.Get(entry.gateway)
	usable := t.cache.Use(now, n, q.Src)
	if usable {
		copy(e.packet.frame, n.mac[:])
	} else {
		e.packet.moved = true
		t.cache.Enqueue(n, e.packet)
	}
	t.settle(now)
	if usable {
		packet := [1]link.Packet{{Data: [][]byte{e.packet.frame}, Offload: e.packet.offload}}
		t.ifc.transmitOrDrop(packet[:])
	}
	return true
}

// doubt asks nbr, from our address src, whether it is still there.
func (t *neighbourTable) doubt(now time.Time, nbr *neighbour, src netip.Addr) {
	t.mu.Lock()
	t.cache.Doubt(now, nbr, src)
	t.settle(now)
}

// askAgain asks at once for those who may have waited until our address src is
// unique: see sendNeighborSolicitation.
func (t *neighbourTable) askAgain(now time.Time, src netip.Addr) {
	t.mu.Lock()
	t.cache.AskAgain(now, src)
	t.settle(now)
}

// send sends packets by r, of which nothing is known by which they could go at
// once: some go, the others wait, as copies, or are dropped. It has taken all.
func (t *neighbourTable) send(now time.Time, r *route, packets []link.Packet) (int, error) {
	t.mu.Lock()
	n := r.nbr
	if n.state == neighbourGone {
		n = t.cache.Get(n.addr)
		r.nbr = n
	}
	if t.cache.Use(now, n, r.src) {
		mac := n.mac
		t.settle(now)
		readdress(packets, mac)
		return t.ifc.transmit(packets)
	}
	for i := range packets {
		t.cache.Enqueue(n, copyPacket(&packets[i]))
	}
	t.settle(now)
	return len(packets), nil
}

// copyPacket copies a packet that begins with room for the link header.
func copyPacket(p *link.Packet) queuedPacket {
	frame := make([]byte, 0, p.Len())
	for _, d := range p.Data {
		frame = append(frame, d...)
	}
	return queuedPacket{frame: frame, offload: p.Offload}
}

// readdress writes the destination MAC into packets where it is another.
func readdress(packets []link.Packet, mac wire.MAC) {
	for i := range packets {
		if b := packets[i].Data[0]; wire.MAC(b) != mac {
			copy(b, mac[:])
		}
	}
}
