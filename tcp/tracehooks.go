package tcp

import "time"

// What the machine tells its Trace, if it has one: each of these costs one branch
// without.

func (c *Conn) traceSent(now instant, seg *Segment) {
	if c.trace != nil {
		c.trace.sent(now, seg, c.rcv.shift)
	}
}

func (c *Conn) traceUnsent(now instant, seg *Segment) {
	if c.trace != nil {
		c.trace.unsent(now, seg, c.rcv.shift)
	}
}

func (c *Conn) traceReceived(now instant, seg *Segment) {
	if c.trace != nil {
		c.trace.received(now, seg, c.snd.shift)
	}
}

// traceTaken says what became of the segment of traceReceived.
func (c *Conn) traceTaken(r Reason) {
	if c.trace != nil {
		c.trace.taken(r)
	}
}

// enter enters a state.
func (c *Conn) enter(s State) {
	if c.state = s; c.trace != nil {
		c.trace.add(c.latest, EventState).State = s
	}
}

// traceRTT tells of a sample of the round trip, when the estimator has taken it.
func (c *Conn) traceRTT(now instant, sample time.Duration) {
	if c.trace != nil {
		c.trace.add(now, EventRTT).RTT = RTTEvent{Sample: sample, SRTT: c.rtt.srtt, RTTVar: c.rtt.rttvar, RTO: c.rto()}
	}
}

// traceLost tells that what lies from one number up to another is taken for lost.
func (c *Conn) traceLost(now instant, from, to Seq, why LossCause) {
	if c.trace != nil {
		c.trace.add(now, EventLost).Loss = LossEvent{From: from, To: to, Cause: why}
	}
}

// traceUndo tells that nothing was lost, and the window is what it was.
func (c *Conn) traceUndo(now instant, why UndoCause) {
	if c.trace != nil {
		c.trace.add(now, EventUndo).Undo = why
	}
}

// traceWindow tells what bounds the sender, if it has changed. traceRest calls it;
// others need to where something changes twice before.
func (c *Conn) traceWindow(now instant) {
	t := c.trace
	if t == nil || c.cc == nil {
		return
	}
	w := WindowEvent{Cwnd: c.sendingWindow(), Ssthresh: c.window.SlowStartThreshold, PacingRate: c.window.PacingRate, Flight: c.flight()}
	if w != t.window {
		t.window = w
		t.add(now, EventWindow).Window = w
	}
}

// traceFired tells of a timer that has run out.
func (c *Conn) traceFired(now instant, i timer) {
	if c.trace != nil {
		c.trace.timers[i] = 0
		c.trace.add(now, EventTimer).Timer = TimerEvent{Name: c.timerName(i), Fired: true}
	}
}

// traceRest tells what has changed when there is nothing more to send for now: the
// window, and the timers. That of giving up is set anew by each ACK, and is told of
// only when it runs out.
func (c *Conn) traceRest(now instant) {
	t := c.trace
	if t == nil {
		return
	}
	c.traceWindow(now)
	for i, due := range c.timers {
		if due != t.timers[i] && timer(i) != timerGiveUp {
			t.timer(now, c.timerName(timer(i)), timer(i), due)
		}
	}
}
