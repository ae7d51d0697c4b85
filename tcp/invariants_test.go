package tcp

import (
	"errors"
	"fmt"
)

// invariants are what must be true of a connection at any time.
func (c *Conn) invariants() error {
	switch {
	case c.snd.nxt.Less(c.snd.una):
		return fmt.Errorf("snd.una %d is beyond snd.nxt %d", c.snd.una, c.snd.nxt)
	case c.out.len() > c.cfg.SendBuffer || c.out.len() < 0:
		return fmt.Errorf("%d bytes in the send buffer of %d", c.out.len(), c.cfg.SendBuffer)
	case c.in.len() > c.cfg.ReceiveBuffer || c.in.len() < 0:
		return fmt.Errorf("%d bytes in the receive buffer of %d", c.in.len(), c.cfg.ReceiveBuffer)
	case c.in.len()+c.rcvWindow() > c.cfg.ReceiveBuffer+1 && c.state.synchronized():
		return fmt.Errorf("%d bytes read and a window of %d in a receive buffer of %d", c.in.len(), c.rcvWindow(), c.cfg.ReceiveBuffer)
	case len(c.in.runs) > maxRuns:
		return fmt.Errorf("%d runs", len(c.in.runs))
	case c.state.synchronized() && c.state != StateTimeWait && c.outstanding() && c.timers[timerRetransmit] == 0:
		return errors.New("something is outstanding, and no retransmission timer runs")
	case c.timers[timerRetransmit] != 0 && !c.outstanding() && c.snd.wnd != 0:
		return errors.New("a retransmission timer runs, and nothing is outstanding")
	case c.state == StateTimeWait && c.timers[timerClose] == 0:
		return errors.New("TIME-WAIT without an end")
	case c.state == StateClosed && c.timers.next() != 0:
		return errors.New("a timer runs in CLOSED")
	case c.state == StateClosed && c.out.head != nil:
		return errors.New("the send queue holds memory in CLOSED")
	case c.out.len() == 0 && c.out.head != nil:
		return errors.New("an empty send queue holds memory")
	case c.in.len() == 0 && len(c.in.runs) == 0 && c.in.head != nil:
		return errors.New("an empty receive queue holds memory")
	}
	if err := c.invariantCounts(); err != nil {
		return err
	}
	if c.tx != nil && c.state.synchronized() && !c.synPending() {
		if err := c.boardInvariants(); err != nil {
			return err
		}
	}
	at := c.in.next
	for _, r := range c.in.runs {
		if !at.Less(r.start) && c.state.synchronized() && !c.synPending() || !r.start.Less(r.end) {
			return fmt.Errorf("runs %v behind %d", c.in.runs, c.in.next)
		}
		at = r.end
	}
	if len(c.in.runs) > 0 && c.rcv.edge.Less(at) {
		return fmt.Errorf("text up to %d beyond the edge %d", at, c.rcv.edge)
	}
	return nil
}

// invariantCounts: the counters of Info are where the sequence numbers are.
func (c *Conn) invariantCounts() error {
	if !c.state.synchronized() || c.synPending() {
		return nil
	}
	i := c.Info()
	sent, got := c.snd.nxt.Min(c.out.end).Sub(c.snd.iss.Add(1)), c.in.next.Sub(c.rcv.irs.Add(1))
	switch acked := c.snd.una.Min(c.out.end).Sub(c.snd.iss.Add(1)); {
	case i.BytesSent-i.BytesResent != uint64(sent), i.BytesAcked != uint64(acked), i.BytesReceived != uint64(got):
		return fmt.Errorf("%d bytes were sent, %d of them again, and %d acknowledged, and %d received; by the numbers it is %d, %d and %d",
			i.BytesSent, i.BytesResent, i.BytesAcked, i.BytesReceived, sent, acked, got)
	case i.BytesSent > 0 && i.TextSegmentsSent == 0, i.TextSegmentsSent > i.BytesSent, i.TextSegmentsSent > uint64(i.SegmentsSent):
		return fmt.Errorf("%d bytes in %d of %d segments were sent", i.BytesSent, i.TextSegmentsSent, i.SegmentsSent)
	case i.BytesReceived > 0 && i.TextSegmentsReceived == 0, i.TextSegmentsReceived > uint64(i.SegmentsReceived), i.OutOfOrder > i.TextSegmentsReceived:
		return fmt.Errorf("%d bytes in %d of %d segments, %d of these out of order, were received", i.BytesReceived, i.TextSegmentsReceived, i.SegmentsReceived, i.OutOfOrder)
	case i.Busy < i.ReceiveWindowLimited+i.SendBufferLimited || i.ReceiveWindowLimited < 0 || i.SendBufferLimited < 0:
		return fmt.Errorf("busy for %v, for %v because of the window, and %v because of the buffer", i.Busy, i.ReceiveWindowLimited, i.SendBufferLimited)
	case c.tx != nil && i.Delivered < i.BytesAcked:
		return fmt.Errorf("%d bytes were delivered, %d acknowledged, and %d selectively", i.Delivered, i.BytesAcked, i.Sacked)
	case i.Sacked < 0 || i.Lost < 0 || i.FlightAgain < 0 || c.sackOK && i.FlightAgain > i.Flight:
		return fmt.Errorf("%d bytes have arrived beyond gaps, %d are lost, %d of %d in flight were sent again", i.Sacked, i.Lost, i.FlightAgain, i.Flight)
	case i.TimeoutRecoveries > i.Timeouts || i.TimeoutTime < 0:
		return fmt.Errorf("%d timeouts in %d recoveries, which took %v", i.Timeouts, i.TimeoutRecoveries, i.TimeoutTime)
	}
	return nil
}

// boardInvariants are those of what is in the network.
func (c *Conn) boardInvariants() error {
	b := &c.tx.board
	if !c.outstanding() {
		if b.len() != 0 || b.sacked != 0 || b.lost != 0 {
			return fmt.Errorf("nothing is outstanding, and there are %d records, %d bytes sacked, %d lost", b.len(), b.sacked, b.lost)
		}
		return nil
	}
	if b.len() == 0 || b.base != c.snd.una || b.end() != c.snd.nxt {
		return fmt.Errorf("%d records from %d to %d, outstanding is %d to %d", b.len(), b.base, b.end(), c.snd.una, c.snd.nxt)
	}
	var sacked, lost int32
	for i := range b.len() {
		size := b.size(i)
		f := b.at(i).flags
		switch {
		case size <= 0:
			return fmt.Errorf("record %d of %d has %d bytes", i, b.len(), size)
		case f.has(sentSacked) && f.has(sentLost):
			return fmt.Errorf("record %d has arrived and is lost", i)
		case f.has(sentSacked) && i > 0 && b.at(i-1).flags.has(sentSacked):
			return fmt.Errorf("records %d and %d should be one", i-1, i)
		case f.has(sentLost) && b.start(i).Less(b.lostFrom):
			return fmt.Errorf("record %d is lost, before %d", i, b.lostFrom)
		case f.has(sentSacked):
			sacked += int32(size)
		case f.has(sentLost):
			lost += int32(size)
		}
	}
	if sacked != b.sacked || lost != b.lost {
		return fmt.Errorf("%d bytes have arrived and %d are lost, counted are %d and %d", sacked, lost, b.sacked, b.lost)
	}
	if f := c.flight(); f < 0 {
		return fmt.Errorf("%d bytes are in the network", f)
	}
	return nil
}
