package tcp

import "time"

// Timestamps (RFC 7323): round trips measured in spite of retransmission, and
// protection against sequence numbers that have wrapped.

// outdated is the idle time after which TS.Recent says nothing any more.
//
// RFC 7323, 5.5: "include a mechanism to "invalidate" the TS.Recent value when a
// connection is idle for more than 24 days."
const outdated = 24 * 24 * time.Hour

// tsBefore says that timestamp s is older than t.
//
// RFC 7323, 5.2: "s < t if 0 < (t - s) < 2^31, computed in unsigned 32-bit
// arithmetic."
func tsBefore(s, t uint32) bool { return int32(s-t) < 0 }

// tsClock is the timestamp clock, which ticks in milliseconds.
//
// RFC 7323, 5.4: "we choose a timestamp clock frequency in the range 1 ms to 1
// sec per tick."
func tsClock(now instant, offset uint32) uint32 { return uint32(now/millisecond) + offset }

func (c *Conn) setRecent(now instant, tsval uint32) {
	c.ts.recent, c.ts.recentAt = tsval, now
}

// checkTimestamps is PAWS, which comes before all else.
//
// RFC 7323, 5.3: "PAWS processing MUST take precedence over the regular TCP
// acceptability check"
func (c *Conn) checkTimestamps(now instant, seg *Segment) Reason {
	// RFC 7323, 5.2: "When an <RST> segment is received, it MUST NOT be subjected to
	// the PAWS check"
	if !c.snd.tsOK || seg.Flags.Has(rst) {
		return ReasonTaken
	}
	// RFC 7323, 3.2: "If a non-<RST> segment is received without a TSopt, a TCP
	// SHOULD silently drop the segment." But for a SYN: a peer that has started anew,
	// without timestamps, needs the challenge ACK (RFC 5961, 4.2) to end what we have.
	if !seg.Options.HasTimestamps {
		if seg.Flags.Has(syn) {
			return ReasonTaken
		}
		return ReasonNoTimestamps
	}
	// R1: "SEG.TSval < TS.Recent, TS.Recent is valid [...] Send an acknowledgment in
	// reply [...] and drop the segment."
	if tsBefore(seg.Options.TSVal, c.ts.recent) && now.since(c.ts.recentAt) <= outdated {
		c.answerUnacceptable(now, seg)
		return ReasonPAWS
	}
	return ReasonTaken
}

// recordTimestamp notes what is to be echoed, for a segment in the window.
//
// RFC 7323, 5.3, R3: "If an arriving segment satisfies SEG.TSval >= TS.Recent and
// SEG.SEQ <= Last.ACK.sent (see Section 4.3), then record its timestamp in
// TS.Recent."
func (c *Conn) recordTimestamp(now instant, seg *Segment) {
	if c.snd.tsOK && seg.Options.HasTimestamps && seg.Seq.LessEq(c.rcv.lastACK) {
		// An older one comes this far only when TS.Recent is outdated.
		c.setRecent(now, seg.Options.TSVal)
	}
}

// echoed returns the round trip that an ACK's TSecr gives.
//
// RFC 7323, 4.1: "A TSecr value received in a segment MAY be used to update the
// averaged RTT measurement only if the segment advances the left edge of the send
// window, i.e., SND.UNA is increased."
func (c *Conn) echoed(now instant, seg *Segment) (time.Duration, bool) {
	if !c.snd.tsOK || !seg.Options.HasTimestamps {
		return 0, false
	}
	ticks := tsClock(now, c.ts.offset) - seg.Options.TSEcr
	// The peer may echo anything. What it cannot have heard from us is no sample.
	if r := time.Duration(ticks) * time.Millisecond; instant(r) < now && int32(ticks) >= 0 {
		return max(r, 1), true
	}
	return 0, false
}
