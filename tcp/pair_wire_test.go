package tcp

import "time"

// drain puts all that a machine has to send on the wire, or tells it that there
// was no room.
func (w *world) drain(i int) {
	e := w.ends[i]
	var batch []Segment
	for {
		var s Segment
		if !e.conn.Next(w.clock(), &s) {
			break
		}
		if len(batch) > 10_000 {
			w.failf("end %d sends without end", i)
		}
		batch = append(batch, s)
	}
	keep := len(batch)
	for keep > 0 && w.random.Float64() < w.full {
		keep--
		e.conn.Unsent(w.clock(), &batch[keep])
	}
	for k := range batch[:keep] {
		w.launch(i, &batch[k])
	}
	e.conn.Returned()
	w.check(i)
}

// launch copies a segment to the wire, by pieces when it is a super-segment and
// chance wants it.
func (w *world) launch(from int, s *Segment) {
	var text []byte
	for _, p := range s.Text {
		text = append(text, p...)
	}
	if len(text) != s.Len {
		w.failf("Len is %d, text has %d bytes", s.Len, len(text))
	}
	if s.SegmentSize == 0 || w.random.IntN(2) == 0 {
		w.fly(from, *s, text)
		return
	}
	for len(text) > 0 {
		piece := *s
		n := min(len(text), s.SegmentSize)
		piece.Len, piece.SegmentSize = n, 0
		if n < len(text) {
			piece.Flags &^= fin | psh
		}
		w.fly(from, piece, text[:n])
		s.Seq = s.Seq.Add(n)
		text = text[n:]
	}
}

func (w *world) fly(from int, s Segment, text []byte) {
	w.segments++
	size := len(text)
	if s.SegmentSize > 0 {
		size = s.SegmentSize
	}
	if w.hole > 0 && size+s.Options.Len() > w.hole && size > 1 && (w.holeEnds.IsZero() || w.now.Before(w.holeEnds)) {
		return
	}
	for range 1 + w.count(w.duplicate) {
		if w.now.After(w.cut) && w.now.Before(w.mended) || w.random.Float64() < w.loss {
			continue
		}
		at := w.now.Add(w.delay)
		if w.random.Float64() < w.reorder {
			at = at.Add(time.Duration(w.random.Int64N(int64(w.jitter))))
		}
		w.order++
		w.wire = append(w.wire, flying{seg: s, text: text, to: 1 - from, at: at, tie: w.order})
	}
}

func (w *world) count(p float64) int {
	if w.random.Float64() < p {
		return 1
	}
	return 0
}

// deliver hands over what is due, in batches.
func (w *world) deliver() {
	for {
		first := -1
		for i := range w.wire {
			f := &w.wire[i]
			if !f.at.After(w.now) && (first < 0 || f.at.Before(w.wire[first].at) || f.at.Equal(w.wire[first].at) && f.tie < w.wire[first].tie) {
				first = i
			}
		}
		if first < 0 {
			return
		}
		f := w.wire[first]
		w.wire = append(w.wire[:first], w.wire[first+1:]...)
		e := w.ends[f.to]
		f.seg.Text = [][]byte{f.text}
		if n := len(f.text); n > 1 {
			f.seg.Text = [][]byte{f.text[:n/2], nil, f.text[n/2:]}
		}
		if e.conn.State() == StateClosed {
			var out Segment
			if ResetFor(&f.seg, &out) {
				w.fly(f.to, out, nil)
			}
			continue
		}
		e.conn.Receive(w.clock(), &f.seg)
		w.check(f.to)
		if w.random.IntN(4) > 0 {
			w.drain(f.to)
		}
	}
}
