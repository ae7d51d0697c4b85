package host

import (
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

const (
	// tcpBatchLen is how many segments, or super-segments, go to the link at once.
	tcpBatchLen = 64
	// tcpMaxBatches is after how many batches a goroutine stops sending for a
	// connection, so that a writer is not held past its deadline while the peer's
	// acknowledgments make room for more; the timer goes on with it.
	tcpMaxBatches = 64
	// tcpLinkRetry is when a segment is tried again that the link had no room for.
	tcpLinkRetry = time.Millisecond
	// maxTCPHeaders holds an Ethernet header, an IPv6 header and a TCP header with
	// all of its options.
	maxTCPHeaders = headroom + 40 + 60
)

// A tcpOutput is the room in which a batch of segments is made; a host keeps a
// pool of them. It refers to nothing between two batches.
type tcpOutput struct {
	segments [tcpBatchLen]tcp.Segment
	packets  []link.Packet // one for each segment, or more where they are cut: see tcp_cut.go
	headers  [][maxTCPHeaders]byte
	part     [][]byte
	made     int   // packets that are in use
	more     bool  // the machine has more than the batch has room for
	route    route // the connection's, for the way through the link

	// Of the segment that build has made last.
	tcpAt  int // bytes before its TCP header
	size   int // bytes of TCP header and text
	ecn    wire.ECN
	pseudo wire.Sum
}

func newTCPOutput() any {
	return &tcpOutput{packets: make([]link.Packet, tcpBatchLen), headers: make([][maxTCPHeaders]byte, tcpBatchLen)}
}

// packet returns the number of the next packet to make.
func (o *tcpOutput) packet() int {
	if o.made == len(o.packets) {
		o.packets = append(o.packets, link.Packet{})
		o.headers = append(o.headers, [maxTCPHeaders]byte{})
	}
	o.made++
	return o.made - 1
}

// outputLocked takes segments from the machine and sends them until there is
// nothing more to send. retry is when to come back for what had to stay: zero if
// nothing had to. c.mu is held, and released while the link has a batch; until
// this returns, outputting keeps all others from sending.
//
// A batch is lent: its payload lies in the send queue, which keeps acknowledged
// chunks until Returned.
func (c *TCPConn) outputLocked(now time.Time) (retry time.Time) {
	if c.restsLocked(now) {
		c.again = false
		return retry
	}
	c.outputting = true
	o := c.h.tcpOutputs.Get().(*tcpOutput)
	for batches := 1; ; batches++ {
		c.again = false
		segments := c.fillLocked(o, now)
		if segments == 0 {
			break
		}
		n := o.made
		c.mu.Unlock()
		sent, err := o.route.ifc.send(now, &o.route, o.packets[:n])
		c.mu.Lock()
		c.route.nbr = o.route.nbr // another, if the old one had gone; nobody else writes the route
		c.h.stats.tcp.segmentsOut.Add(o.count(sent))
		if err != nil {
			// What was refused is lost, as on the wire, and the retransmission timer deals
			// with it: the link may return. A dial fails at once.
			if err != ErrMessageTooLong {
				o.route.ifc.countLost(n-sent, err)
				sent = n
				c.m.Unreachable(now, err, false)
			} else {
				// The path takes less than the link says: a black hole that is near. It
				// takes what fits.
				o.route.ifc.countLost(1, err)
				sent++
			}
		}
		if sent < n {
			o.unsentLocked(c, now, segments, sent)
		}
		c.m.Returned()
		o.forget(segments)
		if sent < n {
			retry = now.Add(tcpLinkRetry)
			break
		}
		// Over a pipe the acknowledgment has arrived by now, and most often asks for nothing.
		if !o.more && (!c.again || c.restsLocked(now)) {
			break
		}
		now = c.h.clock.Now()
		// What has ended here has at most a reset to send, and no later occasion.
		if batches >= tcpMaxBatches && c.m.State() != tcp.StateClosed {
			retry = now
			break
		}
	}
	o.route = route{}
	c.h.tcpOutputs.Put(o)
	c.outputting, c.again = false, false
	return retry
}

// restsLocked says that there is plainly nothing to send.
func (c *TCPConn) restsLocked(now time.Time) bool {
	return c.route.generation == c.h.routeGeneration() && c.m.Rest(now)
}

// fillLocked makes a batch of what the machine has to send, and returns how many
// segments that is.
func (c *TCPConn) fillLocked(o *tcpOutput, now time.Time) (n int) {
	err := c.routeLocked(now)
	o.route = c.route.whole(&c.key)
	o.made, o.more = 0, true
	for o.made < tcpBatchLen {
		seg := &o.segments[n]
		if !c.m.Next(now, seg) {
			o.more = false
			break
		}
		if err != nil {
			// Without a way out the segment is lost, and its timer runs.
			c.h.stats.drop(ReasonNoRoute)
			c.m.Unreachable(now, err, false)
			c.m.Returned()
			return 0
		}
		n++
		if seg.Segments() > 1 && o.route.cuts() {
			o.cut(seg, &c.key, &o.route, c.h, c.tos)
		} else {
			o.build(seg, &c.key, &o.route, c.h, c.tos)
		}
	}
	return n
}

// routeLocked looks the route up again if routes or addresses have changed. What
// the machine makes next fits the link by which it leaves.
func (c *TCPConn) routeLocked(now time.Time) error {
	g := c.h.routeGeneration()
	if c.route.generation == g {
		return nil
	}
	local := c.key.localAddrPort().Addr()
	r, err := c.h.lookupRoute(local, c.h.net.Load().remoteOf(&c.key))
	if err != nil {
		return err
	}
	before := c.route
	c.route = r.forTCP(g)
	if r.ifc != before.ifc || c.route.mtu != before.mtu { // a router may tell another MTU
		mss, maxSegment := r.tcpSizes(local)
		c.m.SetMSS(now, mss)
		c.m.SetMaxSegment(maxSegment)
		c.usePathMTULocked(now)
	}
	return nil
}

// build makes the next packet, of a segment or super-segment: it writes the headers
// in one pass, and refers to the text. The ECN bits of tos are zero. Segments of a batch
// differ in nothing else: those of one size share what stands before the TCP header.
func (o *tcpOutput) build(seg *tcp.Segment, key *flowKey, r *route, h *Host, tos uint8) {
	i := o.packet()
	p := &o.packets[i]
	seg.SrcPort, seg.DstPort, seg.Checksum = key.localPort, key.remotePort, 0
	info := r.ifc.info()

	b := o.headers[i][:0]
	if size := seg.HeaderLen() + seg.Len; i > 0 && size == o.size && seg.ECN == o.ecn {
		b = append(b, o.headers[i-1][:o.tcpAt]...)
	} else {
		local, remote := netip.AddrFrom16(key.local).Unmap(), netip.AddrFrom16(key.remote).Unmap()
		b = r.appendLinkHeader(b, etherTypeOf(remote))
		b = h.appendIP(b, r, remote, wire.ProtocolTCP, size, r.ifc.ttl(remote), tos|uint8(seg.ECN))
		o.tcpAt, o.size, o.ecn, o.pseudo = len(b), size, seg.ECN, wire.Sum{}
		o.pseudo.AddPseudo(local, remote, wire.ProtocolTCP, size)
	}
	b = seg.TCP.Append(b)

	p.Data = append(p.Data[:0], b)
	p.Data = append(p.Data, seg.Text...)
	p.Offload = link.Offload{}
	if seg.SegmentSize > 0 && seg.Len > seg.SegmentSize {
		p.Offload.Segmentation = link.SegmentTCPv4
		if !key.is4() {
			p.Offload.Segmentation = link.SegmentTCPv6
		}
		p.Offload.SegmentSize, p.Offload.HeaderLen = uint16(seg.SegmentSize), uint16(len(b))
	}
	o.finish(p, info)
}

// finish makes the packet that build or cut has made one that its link takes.
func (o *tcpOutput) finish(p *link.Packet, info *link.Info) {
	if len(p.Data) > info.MaxPieces {
		p.Data = flatten(p.Data)
	}
	start, sum := o.tcpAt, o.pseudo
	field := p.Data[0][start+16 : start+18]
	if info.ChecksumOffload {
		putUint16(field, sum.Partial())
		p.Offload.Checksum = link.ChecksumPartial
		p.Offload.ChecksumStart, p.Offload.ChecksumOffset = uint16(start), 16
		return
	}
	putUint16(field, 0)
	sum.Add(p.Data[0][start:])
	for _, d := range p.Data[1:] {
		sum.Add(d)
	}
	putUint16(field, sum.Fold())
}

// flatten copies a packet with more pieces than its link takes into two.
func flatten(data [][]byte) [][]byte {
	n := 0
	for _, d := range data[1:] {
		n += len(d)
	}
	text := make([]byte, 0, n)
	for _, d := range data[1:] {
		text = append(text, d...)
	}
	return append(data[:1], text)
}

func putUint16(b []byte, v uint16) { b[0], b[1] = byte(v>>8), byte(v) }

// count returns how many segments of the wire the first n packets stand for.
func (o *tcpOutput) count(n int) (count uint64) {
	for i := range o.packets[:n] {
		count++
		if f := &o.packets[i].Offload; f.Segmentation != link.SegmentNone {
			count += uint64((o.packets[i].Len() - int(f.HeaderLen) - 1) / int(f.SegmentSize))
		}
	}
	return count
}

// forget drops the references to the send queue, of which so many segments were made.
func (o *tcpOutput) forget(segments int) {
	for i := range o.packets[:o.made] {
		clear(o.packets[i].Data)
	}
	for i := range o.segments[:segments] {
		clear(o.segments[i].Text)
	}
}

// tcpSizes returns the largest text of a segment that fits the route's MTU without
// options, and of a super-segment that its link takes, or that is cut on its way there.
func (r *route) tcpSizes(local netip.Addr) (mss, maxSegment int) {
	maxSegment = maxCut
	if !r.cuts() {
		maxSegment = r.ifc.info().MaxSegment
	}
	return mssForMTU(r.mtu, local), mssForMTU(maxSegment, local) - (maxTCPHeader - minTCPHeader)
}

const (
	minTCPHeader = 20
	maxTCPHeader = 60
)

// defaultMSS is RFC 9293, 3.7.1: "If an MSS Option is not received at connection
// setup, TCP implementations MUST assume a default send MSS of 536 (576 - 40) for
// IPv4 or 1220 (1280 - 60) for IPv6 (MUST-15)."
func defaultMSS(local netip.Addr) int {
	if local.Is4() {
		return 536
	}
	return 1220
}

// mssForMTU is RFC 9293, 3.7.1: "The MSS value to be sent in an MSS Option should
// be equal to the effective MTU minus the fixed IP and TCP headers" (MUST-67).
func mssForMTU(mtu int, local netip.Addr) int {
	if local.Is4() {
		return mtu - 20 - minTCPHeader
	}
	return mtu - 40 - minTCPHeader
}
