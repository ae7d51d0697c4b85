package tcp

import "time"

// RACK (RFC 8985): a segment is lost when another one that was sent later has
// arrived, and some time has passed for those on the way to come in too.

// rack is section 5.3's per-connection state; RACK.min_RTT is in rttEstimator.
type rack struct {
	sending               // RACK.xmit_ts and RACK.end_seq
	rtt     time.Duration // RACK.rtt
	// fack is RACK.fack: the highest number that is acknowledged, in either way.
	fack Seq

	duplicateRound Seq   // RACK.dsack_round, when inRound
	multiplier     uint8 // RACK.reo_wnd_mult, counted from 0
	persist        uint8 // RACK.reo_wnd_persist
	inRound        bool
	reordering     bool // RACK.reordering_seen

	reordered uint32 // times that it was seen, for Info
}

// persistRecoveries is for how many recoveries a larger reordering window stays
// (RFC 8985, 6.2).
const persistRecoveries = 16

// sending is when a segment was sent that ends before end.
type sending struct {
	at         instant
	order, end Seq
}

// sent is the sending of what ends before end and belongs to the record.
func (r *sentRecord) sent(end Seq) sending { return sending{at: r.at, order: r.order, end: end} }

// after is RFC 8985, 6.2: RACK_sent_after. Numbers tell the order of segments that a
// coarse clock gives one instant, but not that of one that was sent again and new
// text; so it is kept.
func (s sending) after(t sending) bool {
	switch {
	case s.at != t.at:
		return s.at > t.at
	case s.order != t.order:
		return t.order.Less(s.order)
	}
	return t.end.Less(s.end)
}

// arrived takes a segment that has been acknowledged, in either way; the round trip
// is 0 when the ACK may be for an earlier copy of it.
func (r *rack) arrived(s *sentRecord, end Seq, rtt time.Duration) {
	// RFC 8985, 6.2, step 3: "If a never-retransmitted segment that's below RACK.fack
	// is (selectively or cumulatively) acknowledged, it has been delivered out of
	// order."
	if r.fack.Less(end) {
		r.fack = end
	} else if end.Less(r.fack) && !s.flags.has(sentAgain) {
		r.reordering = true
		r.reordered++
	}
	if rtt == 0 {
		return
	}
	// Step 2: "Among all the segments newly ACKed or SACKed by this ACK that pass the
	// checks above, update the RACK.rtt to be the RTT sample calculated using this ACK."
	r.rtt = rtt
	if sent := s.sent(end); r.at == 0 || sent.after(r.sending) {
		r.sending = sent
	}
}

// duplicate takes an ACK that says whether something arrived twice.
//
// RFC 8985, 6.2: "The RACK.reo_wnd increases linearly for every round trip in which
// the sender receives some DSACK option".
func (r *rack) duplicate(una, nxt Seq, dsack bool) {
	if r.inRound && r.duplicateRound.LessEq(una) {
		r.inRound = false
	}
	if dsack && !r.inRound {
		r.inRound, r.duplicateRound = true, nxt
		r.multiplier = min(r.multiplier+1, 254)
		r.persist = persistRecoveries
	}
}

// recovered takes the end of a recovery.
func (r *rack) recovered() {
	if r.persist > 0 {
		r.persist--
	}
	if r.persist == 0 {
		r.multiplier = 0
	}
}

// reorderingWindow is RACK.reo_wnd: how long a segment may be late.
func (c *Conn) reorderingWindow() time.Duration {
	r := &c.tx.rack
	// RFC 8985, 6.2: "If RACK.reordering_seen is FALSE: If in Fast or RTO recovery:
	// Return 0, Else if RACK.segs_sacked >= DupThresh: Return 0. Return
	// min(RACK.reo_wnd_mult * RACK.min_RTT / 4, SRTT)"
	if !r.reordering && (c.recovering() || c.tx.counted >= dupThreshold) {
		return 0
	}
	return min(time.Duration(r.multiplier+1)*c.rtt.least.get()/4, c.rtt.srtt)
}

// detectLosses marks what is lost, and arms the timer for what may be soon.
//
// RFC 8985, 6.2: "RACK_detect_loss_and_arm_timer()"
func (c *Conn) detectLosses(now instant) {
	c.timers[timerReorder] = 0
	r, b := &c.tx.rack, &c.tx.board
	if r.at == 0 || b.len() == 0 {
		return
	}
	wait := r.rtt + c.reorderingWindow()
	last := instant(0)
	for i := range b.len() {
		s := b.at(i)
		if s.flags.has(sentSacked | sentLost) {
			continue
		}
		if !r.after(s.sent(s.end)) {
			if !s.flags.has(sentAgain) {
				break // all behind it was sent later, and so was what was sent again of that
			}
			continue
		}
		// "Segment.xmit_ts + RACK.rtt + RACK.reo_wnd - now <= 0"
		if due := s.at.add(wait); due <= now {
			c.segmentLost(now, i, LossLater)
		} else {
			last = max(last, due)
		}
	}
	c.timers[timerReorder] = last
}

// segmentLost marks record i as lost, and tells who wants to know.
func (c *Conn) segmentLost(now instant, i int, why LossCause) {
	tx := c.tx
	s, n := *tx.board.at(i), tx.board.size(i)
	tx.board.markLost(i)
	c.traceLost(now, tx.board.start(i), s.end, why)
	tx.againLost = tx.againLost || s.flags.has(sentAgain) && s.at >= tx.reducedAt
	tx.rate.lost += int64(n)
	tx.newlyLost += int32(n)
	if w, ok := c.cc.(LossWatcher); ok {
		w.SegmentLost(&c.window, SegmentLoss{
			Now: now.since(0), Bytes: n, PriorTotal: s.total, InFlight: int(s.inFlight),
			Lost: int(tx.rate.lost - s.lost), AppLimited: s.flags.has(sentAppLimited),
		})
	}
}

// reorderTimeout is the RACK reordering timer: nothing has come in that could have
// been late.
func (c *Conn) reorderTimeout(now instant) {
	if c.tx == nil || !c.outstanding() {
		return
	}
	flight := c.flight()
	c.detectLosses(now)
	c.reactToLosses(now, flight)
}
