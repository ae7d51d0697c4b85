package host

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// A Pinger sends ICMP echo requests to one address. Its methods may be called by
// many goroutines at once.
type Pinger struct {
	h   *Host
	dst netip.Addr
	id  uint16

	mu       sync.Mutex // a leaf
	sequence uint16     // of the next request
	waiting  map[uint16]chan pong
	closed   bool
}

// A PingReply is the answer to an echo request.
type PingReply struct {
	From     netip.Addr
	Sequence uint16
	Size     int   // bytes of data
	TTL      uint8 // of the answer, as it arrived
	RTT      time.Duration
}

// pong is what a waiting Ping is told.
type pong struct {
	PingReply
	at  time.Time
	err error
}

const (
	// maxPingSize is what fits an IPv4 packet.
	maxPingSize = 65535 - wire.IPv4Len - wire.ICMPLen
	// maxPings is how many requests of one Pinger may wait for their answers.
	maxPings = 1024
	// maxPingers bounds the identifiers in use.
	maxPingers = 4096
)

// NewPinger returns a Pinger for dst, to be closed after use.
func (h *Host) NewPinger(dst netip.Addr) (*Pinger, error) {
	dst = dst.Unmap()
	if _, err := h.lookupRoute(netip.Addr{}, dst); err != nil {
		return nil, err
	}
	p := &Pinger{h: h, dst: dst, waiting: make(map[uint16]chan pong)}
	if err := h.pings.add(p); err != nil {
		return nil, err
	}
	return p, nil
}

// Ping sends one echo request with size bytes of data and waits for its answer, or
// until ctx is done: it then returns ctx's error. The sequence number in the
// answer counts the calls from 1, modulo 65536. Other errors are ErrHostUnreachable and its kin,
// when an ICMP error has come or the neighbour does not answer, ErrMessageTooLong,
// ErrNoRoute, ErrNoBuffers and ErrClosed.
func (p *Pinger) Ping(ctx context.Context, size int) (PingReply, error) {
	if size < 0 || size > maxPingSize {
		return PingReply{}, ErrMessageTooLong
	}
	r, err := p.h.lookupRoute(netip.Addr{}, p.dst)
	if err != nil {
		return PingReply{}, err
	}
	sequence, answer, err := p.register()
	if err != nil {
		return PingReply{}, err
	}
	defer p.forget(sequence)

	d := p.h.newDatagram()
	proto, request := wire.ProtocolICMPv4, byte(wire.ICMPv4EchoRequest)
	if p.dst.Is6() {
		proto, request = wire.ProtocolICMPv6, byte(wire.ICMPv6EchoRequest)
	}
	d.head = append(d.head, request, 0, 0, 0, byte(p.id>>8), byte(p.id), byte(sequence>>8), byte(sequence))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i)
	}
	d.body = append(d.body, data)
	sent := p.h.clock.Now()
	if err := p.h.sendDatagram(sent, &r, p.dst.WithZone(""), proto, d); err != nil {
		return PingReply{}, err
	}
	select {
	case a := <-answer:
		a.RTT = a.at.Sub(sent)
		return a.PingReply, a.err
	case <-ctx.Done():
		return PingReply{}, ctx.Err()
	}
}

// register makes room for an answer.
func (p *Pinger) register() (uint16, chan pong, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return 0, nil, ErrClosed
	case len(p.waiting) >= maxPings:
		return 0, nil, ErrNoBuffers
	}
	// Behind 65535 they begin anew, and those of requests that still wait are passed by.
	for p.sequence++; p.waiting[p.sequence] != nil; p.sequence++ {
	}
	answer := make(chan pong, 1)
	p.waiting[p.sequence] = answer
	return p.sequence, answer, nil
}

func (p *Pinger) forget(sequence uint16) {
	p.mu.Lock()
	delete(p.waiting, sequence)
	p.mu.Unlock()
}

// tell answers the Ping that waits for sequence, and reports whether one does.
func (p *Pinger) tell(sequence uint16, a pong) bool {
	p.mu.Lock()
	answer, ok := p.waiting[sequence]
	delete(p.waiting, sequence)
	p.mu.Unlock()
	if ok {
		wakeWith(p.h, answer, a) // has room: it is told once
	}
	return ok
}

// Close lets all waiting calls of Ping return ErrClosed, and frees p's identifier.
func (p *Pinger) Close() error {
	p.h.pings.remove(p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.closed = true
	for sequence := uint16(0); len(p.waiting) > 0; sequence++ {
		if answer, ok := p.waiting[sequence]; ok {
			wakeWith(p.h, answer, pong{err: ErrClosed})
			delete(p.waiting, sequence)
		}
	}
	return nil
}

// pingTable finds the Pinger of an answer by its identifier.
type pingTable struct {
	mu     sync.Mutex // above a Pinger's
	byID   map[uint16]*Pinger
	nextID uint16
	closed bool
}

func (t *pingTable) init(first uint16) {
	t.byID, t.nextID = make(map[uint16]*Pinger), first
}

func (t *pingTable) add(p *Pinger) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return ErrClosed
	case len(t.byID) >= maxPingers:
		return ErrNoBuffers
	}
	for t.byID[t.nextID] != nil {
		t.nextID++
	}
	p.id = t.nextID
	t.byID[p.id] = p
	t.nextID++
	return nil
}

func (t *pingTable) remove(p *Pinger) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[p.id] == p {
		delete(t.byID, p.id)
	}
}

func (t *pingTable) find(id uint16) *Pinger {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

// reply takes an echo reply.
func (t *pingTable) reply(now time.Time, p *inPacket, id, sequence uint16) Reason {
	pinger := t.find(id)
	if pinger == nil || pinger.dst.WithZone("") != p.src && !pinger.h.isGroup(pinger.dst) {
		return ReasonICMPEchoUnknown
	}
	a := pong{at: now, PingReply: PingReply{
		From: p.src, Sequence: sequence, Size: p.size - wire.ICMPLen, TTL: p.ttl,
	}}
	if !pinger.tell(sequence, a) {
		return ReasonICMPEchoUnknown
	}
	return ReasonNone
}

// unreachable takes an error about the echo request in q, and reports whether
// somebody waits for its answer.
func (t *pingTable) unreachable(q *wire.Quote, err error) bool {
	pinger := t.find(q.ID)
	if pinger == nil || pinger.dst.WithZone("") != q.Dst {
		return false
	}
	if err == nil {
		err = ErrMessageTooLong
	}
	return pinger.tell(q.Sequence, pong{err: err})
}

// closeAll closes all Pingers; no new one can be made.
func (t *pingTable) closeAll() {
	t.mu.Lock()
	t.closed = true
	all := slices.SortedFunc(maps.Values(t.byID), func(a, b *Pinger) int { return cmp.Compare(a.id, b.id) })
	t.mu.Unlock()
	for _, p := range all {
		p.Close() // ErrClosed means that its owner was faster
	}
}
