package tcp

import "time"

// TimeWait is what is left of a connection in TIME-WAIT: enough to answer for it,
// and to judge who may use its four-tuple again.
type TimeWait struct {
	cfg            *Config
	expires        instant
	since          instant // of entering TIME-WAIT, or of the last restart
	sndNxt, rcvNxt Seq
	tsRecent       uint32
	tsOffset       uint32
	oddReply       uint32 // see mayAnswerOdd
	window         uint16
	timestamps     bool
	ace            uint8 // what each ACK says of marks (RFC 9768); 0 in other modes
}

// TimeWaitAction says what a segment for a connection in TIME-WAIT asks for.
type TimeWaitAction uint8

const (
	TimeWaitIgnore  TimeWaitAction = iota // nothing
	TimeWaitReply                         // send the segment that was filled in
	TimeWaitRestart                       // send it, and Deadline has moved
	// TimeWaitReopen: the segment is a SYN that may open the connection anew. Hand it
	// to a listener, with [TimeWait.ISS]; keep the record until the new connection is
	// established, for should it return to LISTEN, the SYN was an old duplicate, and
	// the four-tuple is in TIME-WAIT as before.
	TimeWaitReopen
)

// TimeWait returns the record that can replace a connection in TIME-WAIT which
// no user needs any more.
func (c *Conn) TimeWait() TimeWait {
	return TimeWait{
		cfg:     c.cfg,
		expires: c.timers[timerClose], since: c.timers[timerClose] - instant(c.cfg.TimeWait),
		sndNxt: c.snd.nxt, rcvNxt: c.rcv.nxt,
		tsRecent: c.ts.recent, tsOffset: c.ts.offset, timestamps: c.snd.tsOK, ace: c.timeWaitACE(),
		oddReply: c.oddReply,
		window:   uint16(min(c.rcvWindow()>>c.rcv.shift, 65535)),
	}
}

// Receive judges a segment for the four-tuple. For TimeWaitReply and
// TimeWaitRestart it fills out, all but the ports.
func (tw *TimeWait) Receive(t time.Time, seg *Segment, out *Segment) TimeWaitAction {
	// Not before the connection's last segment: its timestamp must not be greater.
	now := max(tw.since, instant(t.Sub(tw.cfg.Epoch)))
	action := tw.judge(now, seg)
	if action == TimeWaitReply || action == TimeWaitRestart {
		out.clear()
		out.Seq, out.Ack, out.Flags, out.Window = tw.sndNxt, tw.rcvNxt, ack|aceFlags(uint32(tw.ace)), tw.window
		if tw.timestamps {
			out.Options.HasTimestamps = true
			out.Options.TSVal, out.Options.TSEcr = tsClock(now, tw.tsOffset), tw.tsRecent
		}
	}
	return action
}

func (tw *TimeWait) judge(now instant, seg *Segment) TimeWaitAction {
	switch {
	case seg.Flags.Has(rst):
		// RFC 1337, fix F1: "Ignore RST segments in TIME-WAIT state." An old duplicate could
		// otherwise end the wait that protects from old duplicates.
		return TimeWaitIgnore
	case seg.Flags&(syn|ack) == syn:
		if tw.mayReopen(seg) {
			return TimeWaitReopen
		}
		// RFC 6191, 2: "Otherwise, silently drop the incoming SYN segment, thus leaving
		// the previous incarnation of the connection in the TIME-WAIT state."
		return TimeWaitIgnore
	case !seg.Flags.Has(ack):
		return TimeWaitIgnore
	}
	again := seg.Flags.Has(fin) && seg.end() == tw.rcvNxt
	if tw.timestamps && seg.Options.HasTimestamps {
		if tsBefore(seg.Options.TSVal, tw.tsRecent) {
			return tw.stray(now) // PAWS: RFC 7323, 5.3, R1
		}
		if again || seg.Seq == tw.rcvNxt {
			tw.tsRecent = seg.Options.TSVal // R3
		}
	}
	if again {
		// RFC 9293, 3.10.7.4: "The only thing that can arrive in this state is a
		// retransmission of the remote FIN. Acknowledge it, and restart the 2 MSL
		// timeout."
		tw.since, tw.expires = now, now.add(tw.cfg.TimeWait)
		return TimeWaitRestart
	}
	if seg.seqLen() == 0 && seg.Seq == tw.rcvNxt {
		return TimeWaitIgnore
	}
	return tw.stray(now)
}

// stray answers a segment that is not acceptable, not too often.
func (tw *TimeWait) stray(now instant) TimeWaitAction {
	if !mayAnswerOdd(&tw.oddReply, now) {
		return TimeWaitIgnore
	}
	return TimeWaitReply
}

// mayReopen judges a SYN as RFC 6191, 2, has it (SHLD-4, MAY-2).
func (tw *TimeWait) mayReopen(seg *Segment) bool {
	// "the last sequence number seen [...] refers to the sequence number corresponding
	// to the FIN flag of the previous incarnation of the connection".
	later := tw.rcvNxt.Add(-1).Less(seg.Seq)
	stamped := seg.Options.HasTimestamps && !tw.cfg.NoTimestamps
	switch {
	case stamped && tw.timestamps:
		// "the timestamp contained in the incoming SYN segment is greater than the last
		// timestamp seen on the previous incarnation"; when it "is equal to the last
		// timestamp [...] and the Sequence Number of the incoming SYN segment is greater
		// than the last sequence number".
		return tsBefore(tw.tsRecent, seg.Options.TSVal) || seg.Options.TSVal == tw.tsRecent && later
	case stamped:
		// "If TCP Timestamps would be enabled for the new incarnation of the connection,
		// honor the incoming connection request".
		return true
	}
	return later
}

// Deadline returns when TIME-WAIT ends.
func (tw *TimeWait) Deadline() time.Time {
	return tw.cfg.Epoch.Add(time.Duration(tw.expires))
}

// CanReuse says that an active open may take the four-tuple: both ends tell the
// segments of the new connection from the old by their timestamps, which have
// ticked since.
func (tw *TimeWait) CanReuse(t time.Time) bool {
	return tw.timestamps && instant(t.Sub(tw.cfg.Epoch))-tw.since >= second
}

// ISS returns the initial sequence number for a new connection of the
// four-tuple: candidate, or, when the old one has used it, the next that it has
// not.
//
// RFC 9293, 3.6.1: "assigns its initial sequence number for the new connection to
// be larger than the largest sequence number it used on the previous connection
// incarnation".
func (tw *TimeWait) ISS(candidate Seq) Seq {
	if tw.sndNxt.LessEq(candidate) {
		return candidate
	}
	return tw.sndNxt.Add(65535)
}

// receiveTimeWait lets the record judge for the connection that still is there.
func (c *Conn) receiveTimeWait(t time.Time, seg *Segment) Reason {
	tw := c.TimeWait()
	action := tw.judge(c.at(t), seg)
	c.ts.recent, c.oddReply = tw.tsRecent, tw.oddReply
	switch action {
	case TimeWaitReply:
		c.ackNow = true
		return ReasonOutOfWindow
	case TimeWaitRestart:
		c.timers[timerClose], c.ackNow = tw.expires, true
		return ReasonTaken
	case TimeWaitReopen:
		c.terminate(nil)
		return ReasonReopen
	}
	return ReasonTimeWait
}
