package tcp

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/usernet-go/usernet/link"
)

// gridNet is machines against machines: flows that share one path, in virtual
// time and in one goroutine, so that a run is exact and repeats. Text goes one
// way, over a bottleneck; ACKs come back over one of the same rate that loses
// nothing.
type gridNet struct {
	path    link.Path
	now     time.Time
	forward *link.Carrier
	back    *link.Carrier
	air     air
	flows   []*gridFlow
	cfg     Config
	seg     Segment
	buffer  [64 << 10]byte
	rfc3168 bool              // SYNs ask for no more than that: an old middlebox
	watch   func(f *gridFlow) // nil, or called when a sender has heard or said something

	idle   time.Time // when the bottleneck will be through with what it has
	queued []gridQueued
	waits  gridWaits
}

// gridQueued is a packet in CoDel's queue, whose fate is not known yet.
type gridQueued struct {
	x     *flight
	since time.Time
	noted *gridNote
}

// gridFlow is one connection: from sends to to.
type gridFlow struct {
	net      *gridNet
	id       int
	from, to Conn
	iss      Seq
	starts   time.Time
	begun    bool
	size     int // bytes to send; 0: without end
	wrote    int
	top      int // bytes sent at least once
	read     int
	done     time.Time // when all of size had been read

	eager bool                 // the receiver acknowledges each packet
	lie   func(s *Segment)     // nil, or sends what a hostile receiver makes of an ACK
	after func(c *Conn, n int) // nil, or called when a machine has sent n segments

	first    []*gridNote // of new text, in order
	again    []*gridNote
	arrived  int // packets with text
	acks     int // packets without text that the receiver has sent
	answers  int // likewise the sender
	overflow int
	marked   int   // packets
	offered  []int // bytes of text that have left in each of gridTick
}

// The sender's user keeps that much text unsent, so that it is never what limits.
const gridUnsent = 1 << 20

// gridTick is a step of gridFlow.offered.
const gridTick = 10 * time.Millisecond

// gridQueue is a queue's length in products of rate and round trip.
func gridQueue(rate int64, rtt time.Duration, products float64) int {
	return int(float64(rate) / 8 * rtt.Seconds() * products)
}

func newGridNet(p link.Path, seed uint64) *gridNet {
	n := &gridNet{path: p, now: pairEpoch.Add(time.Second)}
	n.forward = link.NewCarrier(p, seed)
	n.back = link.NewCarrier(link.Path{Rate: p.Rate, Delay: p.Delay, Queue: 1 << 28}, seed+1)
	n.cfg = Config{Epoch: pairEpoch, Chunks: new(Chunks)}.WithDefaults()
	return n
}

// add lets a flow of size bytes begin after a while; 0 bytes are without end.
func (n *gridNet) add(algorithm *Algorithm, maxSegment, size int, after time.Duration) *gridFlow {
	cfg := n.cfg
	cfg.Congestion = algorithm
	f := &gridFlow{net: n, id: len(n.flows), size: size, starts: n.now.Add(after)}
	f.iss = Seq(1_000_000_000 * (1 + f.id))
	f.from.Init(&cfg, Params{ISS: f.iss, MSS: 1460, MaxSegment: maxSegment})
	f.to.Init(&cfg, Params{ISS: 7, MSS: 1460, MaxSegment: maxSegment})
	f.to.OpenPassive()
	n.flows = append(n.flows, f)
	return f
}

// run lets time go on until end, or until all flows have done what they have to.
func (n *gridNet) run(end time.Time) {
	for steps := 0; ; steps++ {
		next, ok := end, false
		for _, f := range n.flows {
			if !f.begun {
				next = earliest(next, f.starts)
			}
			next = earliest(next, f.from.Deadline())
			next = earliest(next, f.to.Deadline())
			ok = ok || f.size == 0 || f.done.IsZero()
		}
		if len(n.air.flights) > 0 {
			next = earliest(next, n.air.flights[0].at)
		}
		next = earliest(next, n.forward.Deadline())
		if !ok || !next.Before(end) {
			n.now = end
			return
		}
		if next.After(n.now) {
			n.now, steps = next, 0
		}
		if steps > 100_000 {
			panic(unfit("time stands still"))
		}
		n.step()
	}
}

func earliest(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// step does what is due now.
func (n *gridNet) step() {
	for f, ok := n.forward.Next(n.now); ok; f, ok = n.forward.Next(n.now) {
		n.fate(f, n.queued[0])
		n.queued = n.queued[1:]
	}
	for x := n.air.due(n.now); x != nil; x = n.air.due(n.now) {
		n.flows[x.to/2].arrive(x.to%2 == 0, x)
		n.air.spare = append(n.air.spare, x)
	}
	for _, f := range n.flows {
		if !f.begun && !f.starts.After(n.now) {
			f.begun = true
			f.from.OpenActive(n.now)
			f.output(&f.from)
		}
		for _, c := range []*Conn{&f.from, &f.to} {
			if d := c.Deadline(); !d.IsZero() && !d.After(n.now) {
				c.Advance(n.now)
				f.output(c)
			}
		}
	}
}

// arrive hands a segment to the receiver, or to the sender.
func (f *gridFlow) arrive(forward bool, x *flight) {
	x.seg.Text, x.seg.Len, x.seg.SegmentSize = append(x.seg.Text[:0], x.text), len(x.text), 0
	if !forward {
		f.from.Receive(f.net.now, &x.seg)
		f.output(&f.from)
		return
	}
	if len(x.text) > 0 {
		f.arrived++
	}
	f.to.Receive(f.net.now, &x.seg)
	f.to.ackNow = f.to.ackNow || f.eager && len(x.text) > 0
	for f.to.in.len() > 0 {
		k, err := f.to.Read(f.net.now, f.net.buffer[:])
		if err != nil && err != io.EOF {
			panic(unfit(fmt.Sprintf("Read: %v", err)))
		}
		for got := f.net.buffer[:k]; len(got) > 0; {
			part := noise[f.read%65521:]
			m := min(len(part), len(got))
			if !bytes.Equal(part[:m], got[:m]) {
				panic(unfit(fmt.Sprintf("bytes from %d are not those that were sent", f.read)))
			}
			f.read += m
			got = got[m:]
		}
	}
	if f.size > 0 && f.read == f.size && f.done.IsZero() {
		f.done = f.net.now
	}
	f.output(&f.to)
}

// output sends what a machine has to send.
func (f *gridFlow) output(c *Conn) {
	n, sent := f.net, 0
	for again := true; again; {
		again = false
		if c == &f.from {
			f.write()
		}
		for c.Next(n.now, &n.seg) {
			f.send(c == &f.from, &n.seg)
			again = c == &f.from
			if sent++; sent > 100_000 {
				panic(unfit("a machine sends without end"))
			}
		}
		c.Returned()
	}
	if f.after != nil {
		f.after(c, sent)
	}
	if n.watch != nil && c == &f.from {
		n.watch(f)
	}
	for _, c := range []*Conn{&f.from, &f.to} {
		if err := c.Err(); err != nil {
			panic(unfit(fmt.Sprintf("ended: %v", err)))
		}
	}
}

// write keeps the send queue filled.
func (f *gridFlow) write() {
	if s := f.from.State(); s == StateClosed || s == StateSynSent {
		return
	}
	for f.wrote-f.top < gridUnsent && (f.size == 0 || f.wrote < f.size) {
		k := f.wrote % 65521
		b := noise[k : k+65521]
		if f.size > 0 {
			b = b[:min(len(b), f.size-f.wrote)]
		}
		m, err := f.from.Write(f.net.now, b)
		if err == ErrWouldBlock {
			return // until the window has grown
		}
		if err != nil {
			panic(unfit(fmt.Sprintf("Write: %v", err)))
		}
		f.wrote += m
		if f.wrote == f.size {
			_ = f.from.CloseWrite(f.net.now)
		}
	}
}

// send cuts a super-segment as a link does, and sends the pieces on their way.
func (f *gridFlow) send(forward bool, s *Segment) {
	n := f.net
	if !forward {
		f.acks++
		if f.lie != nil && s.Flags&^ecnFlags == ack {
			f.lie(s)
		} else {
			n.carry(f, false, s, nil)
		}
		return
	}
	at := s.Seq.Sub(f.iss.Add(1))
	if s.Len > 0 {
		f.compare(at, s)
	}
	piece := *s
	for left := s.Len; ; {
		k := left
		if s.SegmentSize > 0 {
			k = min(k, s.SegmentSize)
		}
		left -= k
		piece.Len, piece.SegmentSize, piece.Flags = k, 0, s.Flags
		if left > 0 {
			piece.Flags &^= fin | psh
		}
		var text []byte
		if k > 0 {
			text = noise[at%65521 : at%65521+k]
		}
		n.carry(f, true, &piece, text)
		at += k
		piece.Seq = piece.Seq.Add(k)
		if left == 0 {
			return
		}
	}
}

// compare holds the text of a segment against the stream.
func (f *gridFlow) compare(at int, s *Segment) {
	for _, p := range s.Text {
		if !bytes.Equal(p, noise[at%65521:at%65521+len(p)]) {
			panic(unfit(fmt.Sprintf("bytes from %d are sent wrong", at)))
		}
		at += len(p)
	}
}
