package tcp

import "sort"

// run is a range of text that has arrived beyond a gap: from start up to end.
type run struct{ start, end Seq }

// maxRuns is how many runs beyond gaps a connection keeps at most. It allows a
// gap after every second segment of a window of 3 MB; a segment that would make
// one more is dropped, and the peer sends it again when the first gaps are
// filled. It bounds what a peer can make us allocate and search.
const maxRuns = 1024

// keepRuns is how many an idle connection has memory for.
const keepRuns = 16

// receiveQueue is the text that the peer has sent and the user has not read.
// Text that arrives out of order is put where it belongs at once, in chunks with
// gaps between them, so that nothing moves when a gap is filled.
type receiveQueue struct {
	head, tail  *chunk // in order of their numbers, not overlapping
	first, next Seq    // of the first byte to read, and behind the last that is in order
	runs        []run  // beyond next, in order, not touching
}

func (q *receiveQueue) len() int { return q.next.Sub(q.first) }

// start empties the queue; its first byte will have the number seq.
func (q *receiveQueue) start(seq Seq) { q.first, q.next = seq, seq }

// arrival is the part of a segment's text that lies in the window.
type arrival struct {
	seq    Seq
	n      int      // bytes
	pieces [][]byte // of the whole text
	skip   int      // bytes of pieces before seq
	beyond bool     // a gap: set by insert
}

// usePromised gives the queue, which is empty, the memory that is promised.
func (q *receiveQueue) usePromised(pool *Chunks) {
	c := pool.getPromised(promisedReceive)
	c.seq = q.next
	q.head, q.tail = c, c
}

// insert takes the text of a, which must not lie before next, as far as there is
// memory for it, and says how many bytes became readable. again is the first part of
// it that had arrived before.
func (q *receiveQueue) insert(pool *Chunks, a arrival) (readable int, again run, r Reason) {
	a.beyond = a.seq != q.next
	if !a.beyond && len(q.runs) == 0 {
		n := q.write(pool, a)
		q.next = q.next.Add(n)
		if n < a.n {
			r = ReasonNoMemory
		}
		return n, again, r
	}
	again, r = q.insertRun(pool, a)
	before := q.next
	q.join()
	return q.next.Sub(before), again, r
}

// pass moves over n bytes that need not be queued, as the queue is empty.
func (q *receiveQueue) pass(n int) {
	q.next = q.next.Add(n)
	q.first = q.next
}

// runAt returns the run that the byte seq lies in.
func (q *receiveQueue) runAt(seq Seq) (r run, ok bool) {
	if i := q.firstRun(seq); i < len(q.runs) && q.runs[i].start.LessEq(seq) && q.runs[i].end != seq {
		return q.runs[i], true
	}
	return r, false
}

// firstRun returns the index of the first run that ends at seq or behind it.
func (q *receiveQueue) firstRun(seq Seq) int {
	n := len(q.runs)
	if n > 0 && q.runs[n-1].start.LessEq(seq) && seq.LessEq(q.runs[n-1].end) {
		return n - 1 // where most arrivals are
	}
	return sort.Search(n, func(i int) bool { return seq.LessEq(q.runs[i].end) })
}

// join moves next over the first run when nothing is missing before it.
func (q *receiveQueue) join() {
	if len(q.runs) == 0 || q.runs[0].start != q.next {
		return
	}
	q.next = q.runs[0].end
	q.runs = q.runs[:copy(q.runs, q.runs[1:])]
	if len(q.runs) == 0 && cap(q.runs) > keepRuns {
		q.runs = nil
	}
}

// insertRun writes what is new in a, and enters it into the runs; again is the
// first part that is not. What arrived
// first stays: a second copy of it, which may differ, is not looked at.
func (q *receiveQueue) insertRun(pool *Chunks, a arrival) (again run, r Reason) {
	start, end := a.seq, a.seq.Add(a.n)
	i := q.firstRun(start)
	// What comes next in order is a run only until join: refused, it would be sent
	// again in vain for ever, where it fills but a part of the first gap.
	if len(q.runs) >= maxRuns && start != q.next && (i == len(q.runs) || end.Less(q.runs[i].start)) {
		return again, ReasonTooManyRuns
	}
	j := i // runs[i:j] overlap or touch the new one
	at := start
	for ; j < len(q.runs) && q.runs[j].start.LessEq(end); j++ {
		if at.Less(q.runs[j].start) {
			gap := a.part(at, q.runs[j].start)
			n := q.write(pool, gap)
			if at = at.Add(n); n < gap.n {
				end, r = at, ReasonNoMemory
				break
			}
		}
		if from, to := at.Max(q.runs[j].start), end.Min(q.runs[j].end); again.start == again.end && from.Less(to) {
			again = run{from, to}
		}
		at = at.Max(q.runs[j].end)
	}
	if at.Less(end) {
		if n := q.write(pool, a.part(at, end)); n < end.Sub(at) {
			end, r = at.Add(n), ReasonNoMemory
		}
	}
	switch {
	case i < j:
		q.runs[i] = run{start.Min(q.runs[i].start), end.Max(q.runs[j-1].end)}
		q.runs = append(q.runs[:i+1], q.runs[j:]...)
	case start.Less(end):
		q.runs = append(q.runs, run{})
		copy(q.runs[i+1:], q.runs[i:])
		q.runs[i] = run{start, end}
	}
	return again, r
}

// part returns what a has from start up to end.
func (a arrival) part(start, end Seq) arrival {
	a.skip += start.Sub(a.seq)
	a.seq, a.n = start, end.Sub(start)
	return a
}

// from returns what a has from seq on.
func (a arrival) from(seq Seq) arrival {
	if old := min(seq.Sub(a.seq), a.n); old > 0 {
		return a.part(a.seq.Add(old), a.seq.Add(a.n))
	}
	return a
}

// write copies a's text to its place, as far as there is memory, and returns how many
// bytes that was.
func (q *receiveQueue) write(pool *Chunks, a arrival) (written int) {
	skip := a.skip
	for _, piece := range a.pieces {
		if skip >= len(piece) {
			skip -= len(piece)
			continue
		}
		piece, skip = piece[skip:], 0
		piece = piece[:min(len(piece), a.n)]
		for len(piece) > 0 {
			c := q.chunkFor(pool, a)
			if c == nil {
				return written
			}
			n := copy(c.data[a.seq.Sub(c.seq):], piece)
			a.seq, a.n, piece = a.seq.Add(n), a.n-n, piece[n:]
			written += n
		}
		if a.n == 0 {
			break
		}
	}
	return written
}

// chunkFor returns the chunk that holds the first byte of a, or nil if there is no
// memory for it.
func (q *receiveQueue) chunkFor(pool *Chunks, a arrival) *chunk {
	seq, n := a.seq, a.n
	var before *chunk // the last that ends before seq
	if q.tail != nil && q.tail.seq.LessEq(seq) {
		before = q.tail
	} else {
		for c := q.head; c != nil && c.seq.LessEq(seq); c = c.next {
			before = c
		}
	}
	if before != nil && seq.Less(before.end()) {
		return before
	}
	// New chunks lie one behind the other from the last one on, also where a gap
	// is left between them: once the gap is filled they are as full as without it.
	start, size := q.next, seq.Sub(q.next)+n
	if before != nil {
		start, size = before.end(), max(n, cap(before.data)+1)
	}
	c := q.grow(pool, a, size)
	if c == nil {
		return nil
	}
	size = len(c.data)
	start = start.Add(seq.Sub(start) / size * size)
	c.seq = start
	if before == nil {
		c.next, q.head = q.head, c
	} else {
		c.next, before.next = before.next, c
	}
	if c.next == nil {
		q.tail = c
	} else if room := c.next.seq.Sub(start); room < len(c.data) {
		c.data = c.data[:room]
	}
	return c
}

// grow returns a chunk for the first byte of a and some to come.
//
// Text beyond a gap may take half of the memory that text in order may: under pressure
// it is what is refused first. It is refused, rather than thrown away when it was taken
// and told of: RFC 2018, 8: "Discarding data that has been SACKed [...] is discouraged".
// Where there is nothing to read, text in order has the memory that is promised:
// without it what is held could not be read, and never be freed.
func (q *receiveQueue) grow(pool *Chunks, a arrival, n int) *chunk {
	held, promised := int64(a.seq.Sub(q.first)), 0
	if a.beyond {
		held *= 2
	} else if a.seq == q.first {
		promised = promisedReceive
	}
	return pool.get(n, held, promised)
}

// read copies text in order to b and removes it.
func (q *receiveQueue) read(pool *Chunks, b []byte) int {
	n := 0
	for n < len(b) && q.first != q.next {
		c := q.head
		i := q.first.Sub(c.seq)
		m := copy(b[n:], c.data[i:min(len(c.data), i+q.len())])
		n += m
		q.discard(pool, q.first.Add(m))
	}
	return n
}

// discard removes the text before seq.
func (q *receiveQueue) discard(pool *Chunks, seq Seq) {
	q.first = seq
	empty := q.first == q.next && len(q.runs) == 0
	for c := q.head; c != nil && (empty || c.end().LessEq(seq)); c = q.head {
		q.head = c.next
		c.next = nil
		pool.put(c)
	}
	if q.head == nil {
		q.tail = nil
	}
}

// forget removes the text beyond gaps.
func (q *receiveQueue) forget(pool *Chunks) {
	q.runs = nil
	q.discard(pool, q.first)
}
