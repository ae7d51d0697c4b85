package tcp

import "time"

// What goes through an end: from the path to its machine, and back.

// receive takes a segment, which has come as so many.
func (e *end) receive(s *Segment, n int) {
	now := e.reading()
	switch {
	case e.dark == silent:
		e.w.losses++
		return
	case e.dark == rebooted:
		e.reset(s)
		return
	}
	if u := e.user; u != nil {
		if u.receive(s, n) != ReasonReopen {
			if e.unsettled = e.w.random.IntN(4) == 0; !e.unsettled {
				e.settle()
			}
			return
		}
		// The SYN is for whoever accepts.
		tw := u.seen.timeWait
		e.w.tally["TIME-WAIT reopened"]++
		e.settle()
		e.accept(s, tw.ISS(e.nextISS()), n)
		return
	}
	if e.tw == nil {
		e.accept(s, e.nextISS(), n)
		return
	}
	var out Segment
	switch action := e.tw.Receive(now, s, &out); action {
	case TimeWaitIgnore:
		e.w.losses++ // perhaps a SYN
	case TimeWaitReply, TimeWaitRestart:
		e.w.carry(e.id, &out, nil)
	case TimeWaitReopen:
		e.w.tally["TIME-WAIT reopened"]++
		e.accept(s, e.tw.ISS(e.nextISS()), n)
	}
}

// accept makes a connection for a SYN, if somebody waits for one.
func (e *end) accept(s *Segment, iss Seq, n int) {
	u := e.waiting
	if u == nil || s.Flags&(syn|ack|rst) != syn {
		e.reset(s)
		return
	}
	e.attach(u, iss)
	u.conn.OpenPassive()
	u.receive(s, n)
	e.settle()
}

func (e *end) reset(s *Segment) {
	var out Segment
	if ResetFor(s, &out) {
		e.resets++
		e.w.carry(e.id, &out, nil)
	}
}

// error takes an ICMP error.
func (e *end) error(f *flight) {
	u := e.user
	if u == nil || e.dark != alive || !u.conn.Outstanding(f.seg.Seq) {
		return
	}
	if f.kind == tooBig {
		u.conn.TooBig(e.reading(), f.seg.Seq, f.mss)
	} else {
		u.seen.told = true
		u.conn.Unreachable(e.reading(), ErrHostUnreachable, false)
	}
	e.settle()
}

// output sends what the machine has, as far as the link has room, and gives the
// rest back.
func (e *end) output() {
	u := e.user
	e.retry, e.unsettled = time.Time{}, false
	if u == nil {
		return
	}
	now := e.reading()
	batch := e.batch[:0]
	for {
		batch = append(batch, Segment{})
		if !u.conn.Next(now, &batch[len(batch)-1]) {
			break
		}
		u.tells(&batch[len(batch)-1])
		if len(batch) > 20_000 {
			e.w.failf("end %d sends without end", e.id)
		}
	}
	e.batch = batch
	keep := len(batch) - 1
	for n := keep; n > 0 && e.w.chance(e.full); n-- {
		keep--
		u.conn.Unsent(now, &batch[keep])
		e.w.losses++
		if e.retries || batch[keep].Flags.Has(rst) {
			e.retry = e.w.now.Add(time.Millisecond + upTo(e.w.random, 20*time.Millisecond))
		}
	}
	for i := range batch[:keep] {
		e.send(u, &batch[i])
	}
	u.conn.Returned()
}

// send cuts a super-segment and sends its pieces.
func (e *end) send(u *user, s *Segment) {
	text := e.text[:0]
	for _, p := range s.Text {
		text = append(text, p...)
	}
	e.text = text
	if len(text) != s.Len || s.SegmentSize != 0 && s.Len <= s.SegmentSize {
		e.w.failf("end %d: Len is %d, SegmentSize %d, text has %d bytes", e.id, s.Len, s.SegmentSize, len(text))
	}
	piece := *s
	for {
		n := len(text)
		if s.SegmentSize > 0 {
			n = min(n, s.SegmentSize)
		}
		piece.Len, piece.SegmentSize, piece.Flags = n, 0, s.Flags
		if n < len(text) {
			piece.Flags &^= fin | psh
		}
		u.sends(&piece)
		e.w.carry(e.id, &piece, text[:n])
		piece.Seq = piece.Seq.Add(n)
		if text = text[n:]; len(text) == 0 {
			return
		}
	}
}
