package tcp

import (
	"slices"
	"time"
)

// Path MTU discovery. What ICMP tells is believed as RFC 5927, 7.2, has it; where
// ICMP tells nothing, a black hole is noticed by what is lost (RFC 4821), and now
// and then a larger segment is tried. Sizes are bytes of text in a segment without
// options. It is only about what we send: what the peer sends is cut to the MSS
// that our SYN has told, which follows from our link, and what its path loses is
// for the peer to find out.

// pathMTU is what a connection knows of the path to its peer.
type pathMTU struct {
	limit    uint16 // largest segment that is sent; 0: what both ends take
	acked    uint16 // largest that has arrived
	full     uint16 // size of a full segment in the network, or 0
	pending  uint16 // what ICMP says and is not believed yet, or 0
	probe    uint16 // size of a probe in the network, or 0
	verify   uint16 // size that was sent before black holes were suspected, and is tried first; or 0
	fullEnd  Seq    // where the full segment ends
	asked    Seq    // number that ICMP has quoted, when pending
	probeEnd Seq    // where the probe ends
	next     uint32 // when the next probe may go, in seconds since the epoch; 0: at once
	holes    uint8  // black holes found, for Info
	suspects bool   // no smaller segment has arrived yet since a black hole was found
	spared   bool   // this recovery began with a probe, and is no sign of congestion
	news     uint8  // for PathNews: none, that of limit, or newsStep and the index of a blackHoleSize
}

// The kinds of pathMTU.news.
const (
	newsNone = iota
	newsLimit
	newsStep
)

// wait lets the next probe go d from now at the earliest, to the second.
func (p *pathMTU) wait(now instant, d time.Duration) { p.next = uint32(now.add(d) / second) }

// pathProbeInterval is when a larger segment is tried again after one was lost.
//
// RFC 4821, 7.3: "The value for this timer MUST NOT be less than 5 minutes and is
// recommended to be 10 minutes, per RFC 1981."
const pathProbeInterval = 10 * time.Minute

// blackHoleSizes are what is fallen back to, one after the other: what fits 1500
// bytes over either IP, where the link takes more; 1280, which each path of IPv6
// carries, and so those that IPv6 is tunnelled over; 1024, RFC 4821's "probably
// safe enough"; and 576, for which IPv4's datagrams were made. Sizes in between
// would cost one more timeout each: probes find them. Params.DefaultMSS is the
// least: for IPv6 no path carries less.
var blackHoleSizes = [...]uint16{1440, 1220, 984, 536}

// probeSizes are tried when the path seems to carry more: those above, and what
// fits common tunnels (1400 and 1420 bytes) and jumbo frames (9000).
var probeSizes = [...]uint16{536, 984, 1220, 1360, 1440, 8940}

// topMSS is what both ends take.
func (c *Conn) topMSS() uint16 { return min(c.peerMSS, c.mss) }

// optionsLen is what the options of each segment take.
func (c *Conn) optionsLen() uint16 {
	if c.snd.tsOK {
		return timestampsLen
	}
	return 0
}

// SetMSS sets the largest text in bytes of a segment without options that the link
// carries, when the path leads over another one: what was known of it is forgotten.
// What is in the network in larger segments is sent again at once.
func (c *Conn) SetMSS(t time.Time, mss int) {
	c.mss, c.path = clampMSS(mss), pathMTU{holes: c.path.holes}
	c.resize()
}

// LimitMSS says what others have learnt of the path before: what it carries, as in
// SetMSS.
func (c *Conn) LimitMSS(t time.Time, mss int) {
	c.path.limit, c.path.verify = clampMSS(mss), 0
	c.path.wait(c.at(t), pathProbeInterval)
	c.resize()
}

// TooBig takes an ICMP error that quotes the segment which began at seq: a router
// cannot pass on more than mss bytes of text in a segment without options.
func (c *Conn) TooBig(t time.Time, seq Seq, mss int) {
	size := clampMSS(mss)
	if !c.state.synchronized() {
		return // no SYN is that long
	}
	if !c.Outstanding(seq) || size >= c.topMSS() || c.path.limit != 0 && size >= c.path.limit {
		return
	}
	// RFC 5927, 7.2: "if claimedmtu is smaller than maxsizeacked, TCP is supposed to be
	// in the Path-MTU Update stage. At this stage, these implementations are more
	// cautious with the errors being reported by the network, and therefore just
	// record the received error message, and delay the update of the assumed Path-MTU."
	if size < c.path.acked {
		c.path.pending, c.path.asked = size, seq
		return
	}
	c.believe(c.at(t), size)
}

// believe takes an ICMP error for true.
func (c *Conn) believe(now instant, size uint16) {
	p := &c.path
	p.limit, p.acked, p.pending, p.probe = size, min(p.acked, size), 0, 0
	p.verify, p.suspects, p.news = 0, false, newsLimit
	p.wait(now, pathProbeInterval)
	c.resize()
}

// resize sends what is in the network again, if the path carries less now.
func (c *Conn) resize() {
	before := c.window.MSS
	if before == 0 {
		return // no peer yet
	}
	c.updateMSS()
	if c.window.MSS == before {
		return
	}
	c.path.full, c.path.probe, c.path.spared = 0, 0, false
	if c.cc == nil || c.window.MSS > before {
		return
	}
	// RFC 5681, 3.1: "cwnd SHOULD be reduced by the ratio of the old segment size to
	// the new segment size."
	c.window.Bytes = max(c.window.MSS, int(int64(c.window.Bytes)*int64(c.window.MSS)/int64(before)))
	if c.outstanding() {
		c.leaveRecovery()
		c.snd.recover = c.snd.nxt
		if c.tx != nil {
			c.tx.board.markAllLost(false)
			c.traceLost(c.latest, c.snd.una, c.snd.nxt, LossTooBig)
		}
	}
}

// pathTimeout looks for a reason in the path when the retransmission timer runs
// out: before the flight is taken for lost, so that it is sent again in segments
// that fit.
func (c *Conn) pathTimeout(now instant) {
	p := &c.path
	if p.probe != 0 {
		if c.probeFirst() {
			// RFC 4821, 7.6.3: "The relatively high price of a failed probe in this case may
			// merit a longer time interval until the next probe." It may have been something
			// else: what was to be tried first is so next time.
			p.wait(now, pathProbeInterval)
		}
		p.probe, p.spared = 0, false
	}
	// RFC 5927, 7.2: "MAXSEGRTO specifies the number of times a given segment must time
	// out before an ICMP "Packet Too Big" error message can be honored [...]. A
	// MAXSEGRTO of 1 provides enough protection for most cases."
	if p.pending != 0 {
		c.believe(now, p.pending)
		return
	}
	// RFC 4821, 7.7: "a full-stop timeout [...] SHOULD be taken as an indication of
	// some significantly disruptive event in the network [...]. For TCP, this occurs
	// when the R1 timeout threshold described by [RFC1122] expires. [...] If there is a
	// full-stop timeout and there was not an ICMP message indicating a reason (PTB, Net
	// unreachable, etc. [...]), the RECOMMENDED first recovery action is to treat this
	// as a detected ICMP black hole".
	if int(c.retransmits)+1 >= c.cfg.R1 && c.softErr == nil {
		c.blackHole(now)
	}
}

// blackHole makes segments smaller, if those that are lost may be too large. It may
// as well be that nothing at all got through: so the first probe that follows has
// the size from before, and is sent as soon as it can be. Until it is lost, nobody
// else is told.
func (c *Conn) blackHole(now instant) {
	p := &c.path
	lost := uint16(min(c.window.MSS, c.textBetween(c.snd.una, c.snd.nxt))) + c.optionsLen()
	size := c.smaller(lost)
	if size != 0 {
		if p.verify == 0 {
			p.verify = uint16(c.window.MSS) + c.optionsLen()
		}
		p.limit, p.acked = size, min(p.acked, size)
		p.holes = min(p.holes+1, 254)
	}
	if p.verify != 0 {
		p.next, p.suspects = 0, true
	}
	c.resize()
}

// smaller is what is fallen back to when segments of a size are lost; 0: nothing.
func (c *Conn) smaller(lost uint16) uint16 {
	if i := c.smallerStep(lost); i < len(blackHoleSizes) {
		return c.stepSize(i)
	}
	return 0
}

// smallerStep is its index in blackHoleSizes, whose length stands for nothing.
func (c *Conn) smallerStep(lost uint16) int {
	for i := range blackHoleSizes {
		// What is hardly smaller would hardly help.
		if c.stepSize(i) < lost-lost/16 {
			return i
		}
	}
	return len(blackHoleSizes)
}

func (c *Conn) stepSize(i int) uint16 { return max(blackHoleSizes[i], c.defaultMSS) }

// pathAcknowledged looks at what an ACK says of the path.
func (c *Conn) pathAcknowledged(now instant) {
	p := &c.path
	if p.full != 0 && p.fullEnd.LessEq(c.snd.una) {
		p.acked, p.full = max(p.acked, p.full), 0
	}
	if p.limit == 0 && p.pending == 0 {
		return
	}
	p.suspects = false
	// RFC 5927, 7.2: "if there is progress on the connection, the ICMP "Packet Too Big"
	// errors must be a false claim."
	if p.pending != 0 && p.asked.Less(c.snd.una) {
		p.pending = 0
	}
	if p.spared {
		if !c.recovering() {
			c.probeFailed(now)
		}
		return
	}
	if p.probe != 0 && p.probeEnd.LessEq(c.snd.una) {
		// RFC 4821, 7.6.1: "Set search_low to the probe size. If the probe size is larger
		// than the eff_pmtu, raise eff_pmtu to the probe size."
		p.limit, p.acked, p.probe = p.probe, max(p.acked, p.probe), 0
		p.next, p.verify = 0, 0
		if p.limit >= c.topMSS() {
			p.limit = 0
			if p.news = newsNone; c.topMSS() == c.mss { // else it says nothing of what our link takes
				p.news = newsLimit
			}
		}
		c.resize()
	}
}

// probeSize returns how large a probe may be sent now; 0: none.
//
// RFC 4821, 7.4: "Before sending a probe, the flow MUST meet at least the following
// conditions: It has no outstanding probes or losses. If the last probe failed [...]
// the probe timeout has expired [...]. The available window is greater than the probe
// size. [...] the sender SHOULD have enough data queued and sufficient receiver
// window to send the probe plus at least Tcprexmtthresh [RFC2760] additional
// segments."
func (c *Conn) probeSize(now instant) uint16 {
	p := &c.path
	if p.limit == 0 || now < instant(p.next)*second || p.probe != 0 || p.suspects || p.limit >= c.topMSS() {
		return 0
	}
	if c.recovery != recoveryNone || c.gaps() || c.retransmits > 0 || c.lostBytes() > 0 || c.snd.una.LessEq(c.snd.recover) || c.urgentOut {
		return 0
	}
	c.restartAfterIdle(now)
	size := c.topMSS()
	if p.verify != 0 {
		size = min(size, p.verify)
	} else if i, _ := slices.BinarySearch(probeSizes[:], p.limit+1); i < len(probeSizes) {
		size = min(size, probeSizes[i])
	}
	n := int(size-c.optionsLen()) + dupThreshold*c.window.MSS
	if c.unsent() < n || c.usable() < n || c.sendingWindow() < n {
		return 0
	}
	return size
}

// sendPathProbe sends the next text in a segment that is larger than the path is
// known to carry. If it says wait, there is one to be sent as soon as the window has
// room, for which other text makes way.
//
// RFC 4821, 7.4: "the returning ACKs can be used to prevent the window from falling
// by more than the amount of data needed for the probe."
func (c *Conn) sendPathProbe(now instant, out *Segment) (sent, wait bool) {
	size := c.probeSize(now)
	if size == 0 {
		return false, false
	}
	n := int(size - c.optionsLen())
	if c.sendingWindow()-c.flight() < n || c.paced(now) {
		return false, true
	}
	c.emitNew(now, out, n, false)
	out.SegmentSize = 0
	c.path.probe, c.path.probeEnd = size, c.snd.nxt
	c.pace(now, n)
	return true, false
}

// probeFailed notes that the probe was lost, and nothing else.
func (c *Conn) probeFailed(now instant) {
	p := &c.path
	p.news = newsLimit
	if step := c.smallerStep(p.probe); step < len(blackHoleSizes) && c.stepSize(step) > p.limit {
		// More than one step back was made, some of them perhaps for another reason.
		// RFC 4821, 7.6.2: "The simplest estimate of the interval to the next congestion
		// event is the same number of round trips as the current congestion window in
		// packets."
		trips := time.Duration(c.window.Bytes / c.window.MSS)
		p.wait(now, min(max(trips*c.rtt.srtt, 2*time.Second), pathProbeInterval))
		p.news = newsStep + uint8(step) // so much is certain, and others go on from there
	} else {
		p.wait(now, pathProbeInterval)
	}
	p.probe, p.verify, p.spared = 0, 0, false
}

// probeFirst says that SND.UNA lies in the probe: all before it has arrived.
func (c *Conn) probeFirst() bool {
	return c.path.probeEnd.LessEq(c.snd.una.Add(int(c.path.probe - c.optionsLen())))
}

// onlyProbeLost says, when a recovery begins, that it is for a probe; that nothing
// behind it is lost, the recovery will show.
//
// RFC 4821, 7.6.2: "When only the probe is lost, it is treated as an indication that
// the Path MTU is smaller than the probe size. In this case alone, the loss SHOULD
// NOT be interpreted as congestion signal."
func (c *Conn) onlyProbeLost() bool {
	p := &c.path
	if p.probe == 0 {
		return false
	}
	p.spared = c.probeFirst()
	if !p.spared {
		// 7.6.4: "the same-sized probe SHOULD be attempted again as soon as the probing
		// preconditions are met".
		p.probe = 0
	}
	return p.spared
}

// alsoLost is called when more is lost in a recovery than was known when it began.
//
// RFC 4821, 7.6.4: "The presence of other losses near the loss of the probe may
// indicate that the probe was lost due to congestion".
func (c *Conn) alsoLost(now instant, flight int) {
	if p := &c.path; p.spared && p.probeEnd.LessEq(c.snd.una) {
		p.probe, p.spared = 0, false
		c.reduceForLoss(now, flight, flight)
	}
}

// noteFull remembers one full segment of those that are sent from seq on.
func (c *Conn) noteFull(seq Seq, n int) {
	if p := &c.path; p.full == 0 && n >= c.window.MSS {
		p.full, p.fullEnd = uint16(c.window.MSS)+c.optionsLen(), seq.Add(c.window.MSS)
	}
}

// PathNews returns once what was learnt of the path: the largest text of a segment
// without options that it carries, or 0 if that is what both ends take.
func (c *Conn) PathNews() (mss int, ok bool) {
	news := c.path.news
	c.path.news = newsNone
	if news >= newsStep {
		return int(c.stepSize(int(news - newsStep))), true
	}
	return int(c.path.limit), news == newsLimit
}
