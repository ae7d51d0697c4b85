package tcp

import (
	"fmt"
	"time"
)

// seen is what a world remembers of a connection in order to judge it, from the
// outside where that is possible.
type seen struct {
	established bool
	judged      bool
	told        bool      // by ICMP that the peer cannot be reached
	timeWait    TimeWait  // the last record
	moved       time.Time // when the peer last acknowledged something new
	heard       time.Time // when something acceptable last arrived
	losses      int       // the world's when moved
	unheard     int       // likewise when heard
	patience    time.Duration
	alive       KeepAlive

	una, nxt Seq   // SND.UNA and RCV.NXT at the last look
	state    State // likewise
	edge     Seq   // farthest right edge sent
	peerEdge Seq   // farthest right edge taken
	end      Seq   // behind the farthest text sent
	ack      Seq   // greatest sent
	tsVal    uint32
	acked    bool // ack and edge are valid
	granted  bool // peerEdge is valid
	sent     bool // end is valid
	stamped  bool // tsVal is valid

	allowed int // segments without new text that may still be sent
	second  int64
	fired   int // how often the timer went off in that second
}

// stormMargin is how many segments without new text may be sent beyond what
// arrivals, timers and the user ask for.
const stormMargin = 300

// hush bounds the segments that bring nothing: two ends that answer each other's
// answers would send them for ever.
type hush struct{ idle, allowed int }

func (w *world) progress() { w.hush = hush{allowed: stormMargin + 4*len(w.air.flights)} }

// receive hands a segment, which has come as n, to the connection.
func (u *user) receive(s *Segment, n int) Reason {
	e, c, o := u.end, &u.conn, &u.seen
	o.allowed += 4 * n
	if c.State() == StateTimeWait {
		o.timeWait = c.TimeWait()
	}
	r := c.Receive(e.reading(), s)
	switch r {
	case ReasonTaken, ReasonTextBeyondWindow, ReasonTextDiscarded, ReasonTextAfterFIN, ReasonTextAfterClose, ReasonTooManyRuns:
		o.heard, o.unheard = e.w.now, e.w.losses
		edge := s.Ack.Add(int(s.Window) << c.snd.shift)
		if s.Flags.Has(syn) {
			edge = c.snd.iss.Add(1 + int(s.Window))
		}
		if !o.granted || o.peerEdge.Less(edge) {
			o.peerEdge, o.granted = edge, true
		}
	}
	if r == ReasonTimeWait {
		e.w.losses++ // perhaps a SYN
	}
	e.w.tally[r.String()]++
	u.check()
	return r
}

// tells judges the acknowledgment and the window of a segment that the machine has
// made, also when the link has no room for it: the machine need not remember
// whether the peer was told.
func (u *user) tells(s *Segment) {
	w, c, o := u.end.w, &u.conn, &u.seen
	if s.Flags&(ack|rst) != ack {
		return
	}
	edge := s.Ack.Add(int(s.Window) << c.rcv.shift)
	if s.Flags.Has(syn) {
		edge = s.Ack.Add(int(s.Window))
	}
	// A SYN,ACK that is repeated has no room for the window that a FIN behind it has
	// told.
	if o.acked && (s.Ack.Less(o.ack) || !s.Flags.Has(syn) && edge.Add(1<<c.rcv.shift-1).Less(o.edge)) {
		w.failf("end %d goes back to ACK %d and edge %d, from %d and %d", u.end.id, s.Ack, edge, o.ack, o.edge)
	}
	if !o.acked || o.edge.Less(edge) {
		o.edge = edge
	}
	o.ack, o.acked = s.Ack, true
}

// sends judges a segment that leaves.
func (u *user) sends(s *Segment) {
	w, c, o := u.end.w, &u.conn, &u.seen
	w.tally["segments"]++
	if s.Flags.Has(rst) {
		u.end.resets++
		return
	}
	if most := u.peer.end.params.MSS; s.Len+s.Options.Len() > most && s.Len > 0 {
		w.failf("end %d sends %d bytes of text with options of %d, to a peer that takes %d", u.end.id, s.Len, s.Options.Len(), most)
	}
	if end := s.end(); s.seqLen() > 1 && !s.Flags.Has(syn) && (!o.granted || o.peerEdge.Less(end)) {
		w.failf("end %d sends up to %d, beyond the edge %d", u.end.id, end, o.peerEdge)
	}
	if s.Options.HasTimestamps {
		if o.stamped && tsBefore(s.Options.TSVal, o.tsVal) {
			w.failf("end %d goes back to TSval %d, from %d", u.end.id, s.Options.TSVal, o.tsVal)
		}
		o.tsVal, o.stamped = s.Options.TSVal, true
	}
	if s.Len > 0 {
		o.fired-- // it has waited for a timer, where it is paced
	}
	if end := s.end(); s.seqLen() > 0 && (!o.sent || o.end.Less(end)) {
		o.end, o.sent = end, true
		o.allowed += 2
		w.hush.allowed += 4
		return
	}
	if o.allowed--; o.allowed < -stormMargin {
		w.failf("storm: end %d sends more than it is asked for", u.end.id)
	}
	// A whole window may be sent again before anything of it is heard.
	if w.hush.idle++; w.hush.idle > w.hush.allowed+c.window.Bytes/max(1, c.window.MSS) {
		w.failf("storm: %d segments have brought nothing", w.hush.idle)
	}
}

// fires counts a timer that went off. The shortest is the delayed ACK's, 40 ms; those
// of pacing are made up for by the text that they let go.
func (u *user) fires() {
	o := &u.seen
	o.allowed += 4
	u.end.w.hush.allowed += 8
	if s := u.end.w.now.Unix(); s != o.second {
		o.second, o.fired = s, 0
	}
	if o.fired++; o.fired > 100 {
		u.end.w.failf("storm: the timer of end %d has gone off %d times in a second more than text left", u.end.id, o.fired)
	}
}

// check holds a connection against what must be true of it at any time.
func (u *user) check() {
	w, c, o := u.end.w, &u.conn, &u.seen
	if err := c.invariants(); err != nil {
		w.failf("end %d: %v", u.end.id, err)
	}
	if c.snd.una != o.una || c.rcv.nxt != o.nxt || c.state != o.state {
		w.progress()
		if c.snd.una != o.una {
			o.moved, o.losses = w.now, w.losses
		}
		o.una, o.nxt, o.state = c.snd.una, c.rcv.nxt, c.state
	}
	if c.state == StateListen { // for the first time, or again
		o.acked, o.granted, o.sent, o.stamped = false, false, false, false
	}
	if c.state.synchronized() {
		if syn := c.rcv.irs.Add(1 + c.synWindow()); !o.established && (!o.acked || o.edge.Less(syn)) {
			o.edge, o.acked = syn, true
			o.ack = c.rcv.irs.Add(1)
		}
		o.established = true
		if o.edge.Add(1).Less(c.rcv.edge) {
			w.failf("end %d accepts up to %d, and has told %d", u.end.id, c.rcv.edge, o.edge)
		}
		u.stalls()
	}
	if c.state == StateClosed && !o.judged {
		o.judged = true
		u.judge(c.Err())
	}
}

// stalls looks for a connection that waits for nothing. Where segments are lost
// the timeouts decide how long it may take; where none is, all goes on at once.
func (u *user) stalls() {
	w, c := u.end.w, &u.conn
	if w.losses > 0 || !c.outstanding() && c.unsent() <= 0 && !c.finUnsent() || c.state == StateTimeWait ||
		!u.peer.connected() || u.peer.vanished {
		return
	}
	last := u.seen.moved
	for _, t := range []time.Time{u.since, u.peer.since} {
		if t.After(last) {
			last = t
		}
	}
	if d := w.now.Sub(last); d > 10*time.Second+u.peer.readPause+u.readPause {
		w.failf("end %d has waited for %v, and nothing was lost", u.end.id, d)
	}
}

// judge says whether the connection has ended for a reason that the world knows
// of.
func (u *user) judge(err error) {
	w, o := u.end.w, &u.seen
	w.tally[fmt.Sprintf("ended: %v", err)]++
	switch err {
	case nil:
		if !u.gone && u.connected() && !u.conn.rcv.finTaken {
			w.failf("end %d has ended without a reason", u.end.id)
		}
	case ErrAborted:
		if !u.gone && !(u.ending == endAbort || u.ending == endLinger) {
			w.failf("end %d was not aborted", u.end.id)
		}
	case ErrReset, ErrRefused:
		if u.peer.end.resets == 0 {
			w.failf("end %d: %v, and nobody has sent one", u.end.id, err)
		}
	case ErrHostUnreachable:
		if !o.told {
			w.failf("end %d: %v, and nobody has said so", u.end.id, err)
		}
	case ErrTimeout:
		u.judgeTimeout()
	default:
		w.failf("end %d: %v", u.end.id, err)
	}
}

// judgeTimeout says whether the connection has waited for long enough, and whether
// it could have known better.
func (u *user) judgeTimeout() {
	w, o := u.end.w, &u.seen
	slack := 2 * max(u.end.clock, u.end.timer)
	unanswered := w.now.Sub(o.moved)+slack >= o.patience
	dead := o.alive.Idle > 0 && w.now.Sub(o.heard)+slack >= o.alive.Idle+time.Duration(o.alive.Count)*o.alive.Interval
	if !unanswered && !dead {
		w.failf("end %d has given up after %v and %v, patience is %v, keepalives %+v", u.end.id,
			w.now.Sub(o.moved), w.now.Sub(o.heard), o.patience, o.alive)
	}
	if u.conn.snd.wnd == 0 && !u.gone && w.losses == o.unheard {
		w.failf("end %d has given up, and the last probe of its peer's window was answered", u.end.id)
	}
	// Where a timeout that has backed off is longer than patience, what was lost before
	// may not even have been sent again. A user who has closed does not wait for a
	// window that stays shut.
	tried := dead || u.conn.rto() < o.patience/2
	if tried && w.losses-o.losses < 1+b2i(!dead) && !(u.gone && u.conn.snd.wnd == 0) {
		w.failf("end %d has given up, and %d segments were lost", u.end.id, w.losses-o.losses)
	}
}

// verdict judges the connections that are over.
func (w *world) verdict() {
	for _, u := range w.users {
		if c := &u.conn; u.over() && !u.vanished && !u.attached &&
			(c.out.head != nil || c.out.retired != nil || c.in.head != nil || len(c.in.runs) > 0) {
			w.failf("end %d holds memory after its end", u.end.id)
		}
		if !u.peaceful() || !u.peer.peaceful() {
			continue
		}
		if u.dials {
			w.tally["a good end for both"]++
		}
		if u.wrote != u.total || u.read != u.peer.total {
			w.failf("end %d has written %d of %d bytes and read %d of %d", u.end.id, u.wrote, u.total, u.read, u.peer.total)
		}
	}
}

// peaceful says that the user has let the connection come to a good end, and that
// it has. A reset may still come when the peer does not know of that any more.
func (u *user) peaceful() bool {
	err := u.conn.Err()
	return u.over() && u.connected() && !u.vanished && !u.early && (err == nil || err == ErrReset)
}
