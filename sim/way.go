package sim

import (
	"time"

	"github.com/usernet-go/usernet/link"
)

// A way is one direction of a cable.
type way struct {
	w        *World
	id       uint32
	cable    *Cable
	from, to string // names of nodes
	medium   link.Medium

	// Guarded by the engine's lock.
	deliver func([]link.Packet) // at the other end; called on the engine's goroutine
	carrier *link.Carrier
	drop    func(*Packet) bool
	cut     bool
	cuts    uint32 // so far
	held    int    // bytes that were sent and are not over, as flight.size counts them
	stats   PathStats
	queued  []*flight // whose fates the carrier does not know yet, in order
	leaving event     // when it will know the next one's

	// The engine's goroutine's.
	number uint64 // of packets so far
	recent recent
}

const (
	// maxHeld bounds the bytes on one way: a path without a rate and with a long delay
	// has no other bound.
	maxHeld = 64 << 20
	// flightCost is what a packet counts for beside its data.
	flightCost = 128
)

// PathStats count the packets in one direction of a path.
type PathStats struct {
	Sent    uint64 // into the path, whatever became of them
	Arrived uint64 // copies included

	// What did not arrive.
	Picked   uint64 // by Path.Drop
	Cut      uint64 // sent, or on the path, while it was cut
	TooBig   uint64 // for Path.BlackHole
	Overflow uint64 // found the queue full; or, behind a switch, the path (see Path)
	Managed  uint64 // by CoDel
	Lost     uint64 // by Path.Loss

	// What happened to those that did.
	Reordered, Duplicated, Corrupted, Marked uint64
}

// send takes copies of packets, to be put on the way when the engine acts next; false
// if there is no room for them. Their checksums are complete; verified says that they
// are right.
func (y *way) send(now time.Duration, packets []link.Packet, verified bool) bool {
	size := 0
	for i := range packets {
		size += packets[i].Len() + flightCost
	}
	e := y.w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if y.held+size > maxHeld {
		return false
	}
	y.held += size
	for i := range packets {
		f := e.newFlightLocked(y)
		for _, piece := range packets[i].Data {
			f.data = append(f.data, piece...)
		}
		f.sent, f.verified = now, verified
		e.entering = append(e.entering, f)
	}
	if !e.acting {
		e.kickLocked()
	}
	return true
}

// pass is send by a switch, which cannot wait: what there is no room for is dropped.
func (y *way) pass(now time.Duration, packets []link.Packet, verified bool) {
	if !y.send(now, packets, verified) {
		e := y.w.engine
		e.mu.Lock()
		defer e.mu.Unlock()
		y.overflowLocked()
	}
}

// overflowLocked counts a packet for which a switch finds no room.
func (y *way) overflowLocked() {
	y.stats.Sent++
	y.stats.Overflow++
}

// relay is pass for one frame that is not copied: it must not change any more. It
// runs on the engine's goroutine.
func (y *way) relay(now time.Duration, frame []byte, verified bool) {
	e := y.w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	size := len(frame) + flightCost
	if y.held+size > maxHeld {
		y.overflowLocked()
		return
	}
	y.held += size
	f := e.newFlightLocked(y)
	f.sent, f.data, f.shared, f.verified = now, frame, true, verified
	e.entering = append(e.entering, f)
}

// depart decides the fate of a packet that was sent. It runs on the engine's
// goroutine.
func (y *way) depart(now time.Duration, f *flight) {
	e := y.w.engine
	if len(y.queued) > 0 {
		y.act(now) // first come, first served, even when Set has just taken CoDel away
	}
	y.number++
	f.number = y.number
	p := y.packet(f, f.sent)

	e.mu.Lock()
	drop := y.drop
	e.mu.Unlock()
	picked := drop != nil && drop(p)

	e.mu.Lock()
	y.stats.Sent++
	if picked || y.cut || f.cuts != y.cuts {
		fate := fate{picked: picked, cut: !picked}
		e.mu.Unlock()
		y.w.see(y, p, fate) // before its memory is another's
		e.mu.Lock()
		y.overLocked(f, fate)
		e.mu.Unlock()
		return
	}
	size := len(f.data)
	if ip, ok := f.network(); ok {
		size = len(ip)
	}
	fate := fate{Fate: y.carrier.CarryECN(e.start.Add(now), size, link.ECNCapable(y.medium, &e.lend(f)[0]))}
	if fate.Outcome == link.Queued {
		y.queued = append(y.queued, f)
		y.manageLocked()
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()
	y.w.see(y, p, fate)
	y.fly(f, fate)
}

// manageLocked sees to it that the fates of queued packets are asked for.
func (y *way) manageLocked() {
	e := y.w.engine
	if at := y.carrier.Deadline(); !at.IsZero() {
		e.setLocked(&y.leaving, at.Sub(e.start))
	}
}

// act lets packets leave the queue that CoDel manages. It runs on the engine's
// goroutine.
func (y *way) act(now time.Duration) {
	e := y.w.engine
	for {
		e.mu.Lock()
		known, ok := y.carrier.Next(e.start.Add(now))
		if !ok {
			y.manageLocked()
			e.mu.Unlock()
			return
		}
		f := y.queued[0]
		y.queued[0] = nil
		y.queued = y.queued[1:]
		e.mu.Unlock()
		fate := fate{Fate: known}
		y.w.see(y, y.packet(f, f.sent), fate)
		y.fly(f, fate)
	}
}

// packet returns f as watchers see it, until the next call.
func (y *way) packet(f *flight, at time.Duration) *Packet {
	p := &y.w.engine.seen
	*p = Packet{Number: f.number, Time: y.w.engine.start.Add(at), From: y.from, To: y.to, Medium: y.medium, Data: f.data}
	return p
}

// fly lets a packet arrive, or not.
func (y *way) fly(f *flight, fate fate) {
	e := y.w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if fate.Outcome != link.Arrives {
		y.overLocked(f, fate)
		return
	}
	if fate.Marked {
		f.own()
		link.MarkCE(y.medium, f.data)
		y.stats.Marked++
	}
	if fate.Corrupt && f.flip(fate.Flip) {
		y.stats.Corrupted++
	}
	at := fate.At.Sub(e.start)
	if fate.Reordered {
		y.stats.Reordered++
	}
	if fate.Twice {
		y.stats.Duplicated++
		twin := e.newFlightLocked(y)
		twin.again, twin.number, twin.cuts, twin.verified = true, f.number, f.cuts, f.verified
		twin.data, twin.shared, f.shared = f.data, true, true
		y.held += twin.size()
		e.setLocked(&twin.event, at)
	}
	e.setLocked(&f.event, at)
}

// overLocked counts a packet that will not arrive.
func (y *way) overLocked(f *flight, fate fate) {
	switch {
	case fate.picked:
		y.stats.Picked++
	case fate.cut:
		y.stats.Cut++
	case fate.Outcome == link.TooBig:
		y.stats.TooBig++
	case fate.Outcome == link.Overflow:
		y.stats.Overflow++
	case fate.Outcome == link.Managed:
		y.stats.Managed++
	case fate.Outcome == link.Lost:
		y.stats.Lost++
	}
	y.w.engine.reuseLocked(f)
}

// act delivers a packet at the end of its way.
func (f *flight) act(now time.Duration) {
	y := f.way
	e := y.w.engine
	e.arrivals = (e.arrivals + 1) % phases
	e.mu.Lock()
	cut := y.cut || f.cuts != y.cuts
	if cut {
		y.stats.Cut++
	} else {
		y.stats.Arrived++
	}
	deliver := y.deliver
	e.mu.Unlock()
	if cut {
		y.w.see(y, y.packet(f, now), fate{cut: true})
	} else {
		deliver(e.lend(f))
	}
	e.mu.Lock()
	e.reuseLocked(f)
	e.mu.Unlock()
}

// setDeliver says who takes what arrives, from now on.
func (y *way) setDeliver(deliver func([]link.Packet)) {
	e := y.w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	y.deliver = deliver
}

// lend returns what is delivered at the end of a way. Who gets it need not check what
// has not been changed on the way.
func (e *engine) lend(f *flight) []link.Packet {
	e.piece[0] = f.data
	e.packet[0] = link.Packet{Data: e.piece[:]}
	if f.verified {
		e.packet[0].Offload.Checksum = link.ChecksumVerified
	}
	return e.packet[:]
}
