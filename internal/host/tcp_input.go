package host

import (
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// A tcpBatch takes the TCP segments of one batch of packets to their connections.
// It keeps the connection of the last segment locked, so that a run of segments
// for one connection costs one look-up, one lock and one round of output.
type tcpBatch struct {
	h    *Host
	now  time.Time
	conn *TCPConn // locked; nil: none
	seg  tcp.Segment
	more bool // the batch has more packets

	// Segments of conn that have been joined, and were not received yet: see
	// tcp.Conn.Joins.
	run  tcp.Segment
	held bool
	like likeness

	segments int // that were taken, and not counted yet
}

// input takes the segment in p. The caller calls flush before anything else is
// sent on account of this batch, and at its end.
func (tb *tcpBatch) input(p *inPacket) {
	key, reason := tb.parse(p)
	if reason != ReasonNone {
		tb.h.stats.drop(reason)
		return
	}
	if tb.conn == nil || tb.conn.key != key || tb.conn.detached {
		tb.flush()
		tb.lock(&key)
	}
	tb.segments += tb.seg.Segments()
	if tb.conn == nil {
		tb.withoutConnection(p, key)
		return
	}
	if tb.receive(); tb.held {
		tb.like.learn(p)
	}
}

func (tb *tcpBatch) parse(p *inPacket) (flowKey, Reason) {
	seg := &tb.seg
	h, n, r := wire.ParseTCP(p.head, p.size)
	switch {
	case r != wire.OK:
		return flowKey{}, wireReason(r)
	case p.broadcast:
		// RFC 9293, 3.9.2.3: "A TCP implementation MUST silently discard an incoming
		// SYN segment that is addressed to a broadcast or multicast address" (MUST-57).
		return flowKey{}, ReasonTCPBroadcast
	case !p.checksumOK(wire.ProtocolTCP):
		return flowKey{}, ReasonTCPChecksum
	}
	seg.TCP = h
	seg.ECN = p.ecn
	seg.Len = p.size - n
	seg.Text = seg.Text[:0]
	if len(p.head) > n {
		seg.Text = append(seg.Text, p.head[n:])
	}
	seg.Text = append(seg.Text, p.rest...)
	seg.SegmentSize = 0
	if p.offload.Segmentation != link.SegmentNone {
		seg.SegmentSize = int(p.offload.SegmentSize)
	}
	return p.flow(h.DstPort, h.SrcPort), ReasonNone
}

// lock finds and locks the connection of key; tb.conn stays nil if there is none.
func (tb *tcpBatch) lock(key *flowKey) {
	for {
		c := tb.h.flows.lookup(key)
		if c == nil {
			return
		}
		c.mu.Lock()
		if !c.detached {
			tb.conn = c
			return
		}
		c.mu.Unlock() // it has just left the table: look again
	}
}

// receive hands the segment to the connection that is locked, with those that it
// continues and those that continue it.
func (tb *tcpBatch) receive() {
	m := &tb.conn.m
	if tb.held && m.Joins(&tb.run, &tb.seg) {
		return
	}
	tb.receiveRun()
	if tb.more && m.BeginsRun(&tb.seg) {
		tb.run, tb.seg = tb.seg, tb.run
		tb.held = true
		return
	}
	tb.receiveOne(&tb.seg)
}

// receiveRun hands on what was joined.
func (tb *tcpBatch) receiveRun() {
	if tb.held {
		tb.held = false
		tb.receiveOne(&tb.run)
		clear(tb.run.Text)
	}
}

func (tb *tcpBatch) receiveOne(seg *tcp.Segment) {
	if r := tb.conn.m.Receive(tb.now, seg); r != 0 {
		tb.h.stats.drop(tcpReason(r))
	}
}

// flush sends what the connection has to say to its segments, and unlocks it.
func (tb *tcpBatch) flush() {
	if c := tb.conn; c != nil {
		tb.receiveRun()
		tb.conn = nil
		if c.m.Progress() {
			c.h.reachable(tb.now, c.route.nbr)
		}
		c.settleLocked(tb.now)
		c.mu.Unlock()
	}
}

// withoutConnection takes a segment that belongs to no connection: one in
// TIME-WAIT may know it, a listener may want it; otherwise it is reset.
func (tb *tcpBatch) withoutConnection(p *inPacket, key flowKey) {
	var iss tcp.Seq
	if tb.seg.Flags.Has(wire.SYN) {
		iss = tb.h.isn.ISS(tb.now, key.localAddrPort(), key.remoteAddrPort(), key.zone)
	}
	known, reopens := tb.timeWait(p, &key, &iss)
	if known {
		return
	}
	if l := tb.h.listeners.find(p.dst, key.localPort); l != nil && tb.seg.Flags&(wire.SYN|wire.ACK|wire.RST) == wire.SYN {
		tb.accept(l, key, iss, reopens)
		return
	} else if l != nil && tb.seg.Flags&(wire.ACK|wire.RST) == 0 {
		// RFC 9293, 3.10.7.2, Fourth: "[...] Any other control or data-bearing segment
		// (not containing SYN) [...] drop the segment and return."
		tb.h.stats.drop(ReasonTCPNoConnection)
		return
	}
	tb.h.stats.drop(ReasonTCPNoConnection)
	tb.reset(p)
}

// accept makes a connection for the SYN in tb.seg.
func (tb *tcpBatch) accept(l *TCPListener, key flowKey, iss tcp.Seq, reopens bool) {
	c, reason := l.newConn(tb.now, key, iss, reopens)
	if reason != ReasonNone {
		tb.h.stats.drop(reason)
		return
	}
	if c == nil { // another receive queue was faster: the SYN is for its connection
		if tb.lock(&key); tb.conn != nil {
			tb.receive()
		}
		return
	}
	tb.conn = c
	tb.receive()
}

// timeWait takes the segment to the record of a connection in TIME-WAIT. known is
// false if there is none, or if the segment reopens the connection: iss, the
// initial sequence number that the new one would have, is then moved if that is
// needed to keep the two apart, and the record stays until the new one is open.
func (tb *tcpBatch) timeWait(p *inPacket, key *flowKey, iss *tcp.Seq) (known, reopens bool) {
	t := &tb.h.timeWait
	t.mu.Lock()
	i, ok := t.index[*key]
	if !ok {
		t.mu.Unlock()
		return false, false
	}
	var reply tcp.Segment
	tw := &t.slab[i].tw
	action := tw.Receive(tb.now, &tb.seg, &reply)
	switch action {
	case tcp.TimeWaitReopen:
		if tb.h.listeners.find(p.dst, key.localPort) == nil {
			break
		}
		*iss = tw.ISS(*iss)
		t.mu.Unlock()
		return false, true
	case tcp.TimeWaitRestart:
		t.unlinkLocked(i)
		t.linkLastLocked(i)
	}
	t.mu.Unlock()
	if action == tcp.TimeWaitReply || action == tcp.TimeWaitRestart {
		tb.reply(p, &reply)
	}
	return true, false
}

// reset answers a segment that belongs to no connection.
func (tb *tcpBatch) reset(p *inPacket) {
	var out tcp.Segment
	if !tcp.ResetFor(&tb.seg, &out) {
		return
	}
	if !tb.h.resets.allow(tb.now, p.src) {
		tb.h.stats.tcp.resetsLimited.Add(1)
		return
	}
	tb.reply(p, &out)
}

// reply sends a segment without text back to where p came from.
func (tb *tcpBatch) reply(p *inPacket, seg *tcp.Segment) {
	r, err := tb.h.lookupRoute(p.dst, p.replyTo())
	if err != nil {
		tb.h.stats.drop(ReasonNoRoute)
		return
	}
	key := p.flow(tb.seg.DstPort, tb.seg.SrcPort)
	o := tb.h.tcpOutputs.Get().(*tcpOutput)
	o.segments[0].TCP, o.segments[0].Len, o.segments[0].SegmentSize, o.segments[0].ECN = seg.TCP, 0, 0, wire.NotECT
	o.segments[0].Text = o.segments[0].Text[:0]
	o.made = 0
	o.build(&o.segments[0], &key, &r, tb.h, 0)
	r.ifc.send(tb.now, &r, o.packets[:1])
	o.forget(1)
	tb.h.tcpOutputs.Put(o)
}
