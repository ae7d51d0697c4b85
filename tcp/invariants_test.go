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
	case c.snd.at.Less(c.snd.una) || c.snd.nxt.Less(c.snd.at):
		return fmt.Errorf("snd.at %d is outside of %d to %d", c.snd.at, c.snd.una, c.snd.nxt)
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
