package host

import (
	"sync"
	"time"

	"github.com/usernet-go/usernet/link"
)

// reassembly is the host's reassembler with its lock and its timer.
type reassembly struct {
	timer timer

	mu   sync.Mutex // nothing but leaves are taken under it
	m    reassembler
	held holding // for what m has
}

func (r *reassembly) init(h *Host) {
	r.m.init(h.config.MaxReassemblyBytes, h.config.MaxReassemblyDatagrams)
	r.timer.owner = timerFunc(func(now time.Time) {
		r.mu.Lock()
		r.m.Advance(now)
		events := r.take(h)
		for i := range events {
			h.reassemblyFailed(now, &events[i])
		}
	})
}

// take returns what the machine has to say, and sets the timer. It is called with
// mu held and returns without.
func (r *reassembly) take(h *Host) (events []reassemblyEvent) {
	for !r.held.cover(&h.memory, r.m.bytes) {
		r.m.giveUp(r.m.victim(), ReasonReassemblyMemory)
	}
	for e, ok := r.m.Next(); ok; e, ok = r.m.Next() {
		events = append(events, e)
	}
	h.timers.set(&r.timer, r.m.Deadline())
	r.mu.Unlock()
	return events
}

// fragment takes a fragment, and the datagram that it makes whole.
func (b *inputBatch) fragment(f *fragment) Reason {
	b.tcp.flush()
	f.neighbour = b.neighbourOf()
	if f.key.src.IsLinkLocalUnicast() { // another host on each link: RFC 4007, 6
		f.key.zone = b.ifc.index
	}
	r := &b.h.reassembly
	r.mu.Lock()
	reason := r.m.Receive(b.now, f)
	for _, e := range r.take(b.h) {
		if e.reason != ReasonNone {
			b.h.reassemblyFailed(b.now, &e)
			continue
		}
		b.p.offload, b.p.fragments = link.Offload{}, true // what the link has checked was the fragment
		whole := b.ipv4
		if e.packet[0]>>4 == 6 {
			whole = b.ipv6
		}
		if why := whole(e.packet, nil, len(e.packet)); why != ReasonNone {
			b.h.stats.drop(why)
		}
	}
	return reason
}

// reassemblyFailed counts a datagram that was not made whole, and tells its
// source if time was what it lacked.
func (h *Host) reassemblyFailed(now time.Time, e *reassemblyEvent) {
	h.stats.drop(e.reason)
	if e.reason == ReasonReassemblyTime && e.packet != nil {
		h.sendTimeExceeded(now, e.packet)
	}
}
