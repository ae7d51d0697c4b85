package tcp

// sendQueue is the text that the user has written and the peer has not
// acknowledged: RFC 9293's retransmission queue, and behind it what was not sent
// yet. It is a chain of chunks, each filled to its end before the next begins.
type sendQueue struct {
	head, tail *chunk
	cursor     *chunk // where pieces stopped looking, or nil
	retired    *chunk // acknowledged while lent; see Conn.Returned
	first, end Seq    // of the first byte, and behind the last
}

func (q *sendQueue) len() int { return q.end.Sub(q.first) }

// start empties the queue; its first byte will have the number seq.
func (q *sendQueue) start(seq Seq) { q.first, q.end = seq, seq }

// append copies b to the queue's end, as far as there is memory, and returns how many
// bytes that was: at least some if the queue was empty.
func (q *sendQueue) append(pool *Chunks, b []byte) int {
	begin := q.end
	for len(b) > 0 {
		if (q.tail == nil || q.tail.end() == q.end) && !q.grow(pool, len(b)) {
			break
		}
		// Bytes that are lent lie before q.end: what is written here is not.
		n := copy(q.tail.data[q.end.Sub(q.tail.seq):], b)
		q.end = q.end.Add(n)
		b = b[n:]
	}
	return q.end.Sub(begin)
}

// lend is append to an empty queue by reference: b must stay as it is until keep, and
// chunks are there for it already.
func (q *sendQueue) lend(pool *Chunks, b []byte) int {
	begin := q.end
	for len(b) > 0 && q.grow(pool, len(b)) {
		c := q.tail
		n := min(len(b), len(c.data))
		c.own, c.data = c.data, b[:n:n]
		q.end = q.end.Add(n)
		b = b[n:]
	}
	return q.end.Sub(begin)
}

// keep copies what is left of bytes that were lent to their chunks.
func (q *sendQueue) keep() {
	for c := q.head; c != nil && c.own != nil; c = c.next {
		i := max(0, q.first.Sub(c.seq))
		copy(c.own[i:], c.data[i:])
		if c.next != nil { // which follows what was lent, not the memory
			c.own = c.own[:len(c.data)]
		}
		c.data, c.own = c.own, nil
	}
}

// grow appends a chunk for the next n bytes, and says whether there is one.
func (q *sendQueue) grow(pool *Chunks, n int) bool {
	var c *chunk
	if q.tail == nil {
		c = pool.get(n, 0, promisedSend)
	} else {
		c = pool.get(max(n, cap(q.tail.data)+1), int64(q.len()), 0)
	}
	if c == nil {
		return false
	}
	c.seq = q.end
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
	return true
}

// room is how many bytes append can take, where a holder's share is so many.
func (q *sendQueue) room(share int) int {
	if q.tail == nil {
		return max(promisedSend, share)
	}
	spare := q.tail.end().Sub(q.end)
	if more := share - q.len(); more >= tinyChunk+chunkCost {
		return spare + more
	}
	return spare
}

// pieces appends to dst the n bytes from seq on, by reference.
func (q *sendQueue) pieces(dst [][]byte, seq Seq, n int) [][]byte {
	if n == 0 {
		return dst
	}
	c := q.cursor
	if c == nil || seq.Less(c.seq) {
		c = q.head
	}
	for ; n > 0; c = c.next {
		if c.end().LessEq(seq) {
			continue
		}
		q.cursor = c
		i := seq.Sub(c.seq)
		piece := c.data[i:min(i+n, len(c.data))]
		dst = append(dst, piece)
		seq, n = seq.Add(len(piece)), n-len(piece)
	}
	return dst
}

// release removes what lies before seq. Chunks that are lent are kept aside.
func (q *sendQueue) release(pool *Chunks, seq Seq, lent bool) {
	q.first = seq
	for c := q.head; c != nil && (c.end().LessEq(seq) || q.first == q.end); c = q.head {
		q.head = c.next
		if q.cursor == c {
			q.cursor = nil
		}
		c.next = nil
		if lent {
			c.next, q.retired = q.retired, c
		} else {
			pool.put(c)
		}
	}
	if q.head == nil {
		q.tail = nil
	}
}

// returned gives the chunks that were kept aside back to the pool.
func (q *sendQueue) returned(pool *Chunks) {
	pool.put(q.retired)
	q.retired = nil
}
