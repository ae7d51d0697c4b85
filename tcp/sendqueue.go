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

// append copies b to the queue's end.
func (q *sendQueue) append(pool *Chunks, b []byte) {
	for len(b) > 0 {
		if q.tail == nil || q.tail.end() == q.end {
			n := len(b)
			if q.tail != nil {
				n = largeChunk
			}
			c := pool.get(n)
			c.seq = q.end
			if q.tail == nil {
				q.head = c
			} else {
				q.tail.next = c
			}
			q.tail = c
		}
		// Bytes that are lent lie before q.end: what is written here is not.
		n := copy(q.tail.data[q.end.Sub(q.tail.seq):], b)
		q.end = q.end.Add(n)
		b = b[n:]
	}
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
