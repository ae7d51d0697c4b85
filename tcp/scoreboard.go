package tcp

// scoreboard is what is in the network, segment by segment: RFC 6675's
// scoreboard with the instants that RFC 8985 needs, and what a sample of the
// delivery rate is reckoned from. Records stand in the order of their numbers
// and leave no gap. Those that the peer has and that stand side by side become
// one, so that between SND.UNA and the highest number that has arrived there
// are at most twice as many records as losses.
//
// A record is found by binary search, and put in or taken out by moving the
// shorter side: what a peer can make us do is bounded by the logarithm of the
// flight for each block that he reports, and by one visit to each segment.
type scoreboard struct {
	pool *Chunks
	buf  []sentRecord // buf[head:] is in use
	head int
	base Seq // of the first byte of the first record

	// Nothing before this number is marked lost.
	lostFrom Seq
	sacked   int32 // bytes that the peer has beyond gaps
	lost     int32 // bytes that are marked lost, and were not sent again since
}

// sentRecord is a segment, or a super-segment, that was sent: from the end of the
// one before up to its own.
type sentRecord struct {
	end   Seq
	flags sentFlags
	at    instant // when it was sent, or last sent again

	// As it was then; see rate.go.
	total    int64   // bytes delivered in the connection's life
	totalAt  instant // when they had grown last
	first    instant // when the segment was sent that had arrived then
	lost     int64   // bytes marked lost in the connection's life
	inFlight int32   // bytes in the network, with it
	order    Seq     // how many were sent before: clocks are coarse
}

type sentFlags uint8

const (
	sentSacked     sentFlags = 1 << iota // the peer has it (RFC 2018)
	sentLost                             // RFC 8985, 5.2: Segment.lost
	sentAgain                            // RFC 8985, 5.2: Segment.retransmitted
	sentAppLimited                       // the user had no more to send
)

func (f sentFlags) has(mask sentFlags) bool { return f&mask != 0 }

// How many records an idle connection keeps memory for, and beyond how many of
// them short segments are entered together: a user who sends byte by byte could
// otherwise make us hold fifty times as much.
const (
	keepRecords = 1 << minRecordClass
	manyRecords = 4096
)

func (b *scoreboard) len() int { return len(b.buf) - b.head }

// at returns record i, counted from the first.
func (b *scoreboard) at(i int) *sentRecord { return &b.buf[b.head+i] }

// start returns where record i begins.
func (b *scoreboard) start(i int) Seq {
	if i == 0 {
		return b.base
	}
	return b.buf[b.head+i-1].end
}

// size returns how many numbers record i takes.
func (b *scoreboard) size(i int) int { return b.at(i).end.Sub(b.start(i)) }

// end is the number behind the last record.
func (b *scoreboard) end() Seq { return b.start(b.len()) }

// add appends a record that begins at seq: behind the last one, or anywhere when
// there is none.
func (b *scoreboard) add(seq Seq, r sentRecord, mss int) {
	n := b.len()
	if n == 0 {
		b.base, b.lostFrom = seq, seq
	} else if last := b.at(n - 1); n >= manyRecords && last.flags&^sentAppLimited == 0 && r.end.Sub(b.start(n-1)) <= mss {
		last.end, last.at, last.order = r.end, r.at, r.order
		return
	}
	if last := b.len() - 1; !b.room(last < 0 || b.at(last).flags&^sentAppLimited != 0) {
		// As if both had been one super-segment.
		l := b.at(last)
		l.end, l.at, l.order = r.end, r.at, r.order
		return
	}
	b.buf = append(b.buf, r)
}

// room makes room for one more record at the end; false if there is no memory for it,
// unless it must be had.
func (b *scoreboard) room(must bool) bool {
	if len(b.buf) < cap(b.buf) {
		return true
	}
	if b.head > len(b.buf)/2 {
		b.buf = b.buf[:copy(b.buf, b.buf[b.head:])]
	} else {
		larger := b.pool.getRecords(2*cap(b.buf), must)
		if larger == nil {
			return false
		}
		larger = append(larger, b.buf[b.head:]...)
		b.pool.putRecords(b.buf)
		b.buf = larger
	}
	b.head = 0
	return true
}

// find returns the record that has seq; len when it lies behind all.
func (b *scoreboard) find(seq Seq) int {
	lo, hi := 0, b.len()
	for lo < hi {
		if mid := (lo + hi) / 2; b.at(mid).end.LessEq(seq) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// popTo moves the base forward within the first record, or past it.
func (b *scoreboard) popTo(seq Seq) {
	r := b.at(0)
	n := int32(seq.Sub(b.base))
	switch {
	case r.flags.has(sentSacked):
		b.sacked -= n
	case r.flags.has(sentLost):
		b.lost -= n
	}
	b.base = seq
	b.lostFrom = b.lostFrom.Max(seq)
	if r.end == seq {
		if b.head++; b.head == len(b.buf) {
			b.clear()
		}
	}
}

// clear forgets all records.
func (b *scoreboard) clear() {
	b.buf, b.head = b.buf[:0], 0
	b.sacked, b.lost = 0, 0
	if cap(b.buf) > keepRecords {
		b.release()
	}
}

// release gives the memory back.
func (b *scoreboard) release() {
	b.pool.putRecords(b.buf)
	b.buf = nil
}

// split makes two records of i; the second begins at seq.
func (b *scoreboard) split(i int, seq Seq) {
	r := *b.at(i)
	if b.head > 0 && i <= b.len()/2 {
		copy(b.buf[b.head-1:], b.buf[b.head:b.head+i])
		b.head--
	} else {
		b.room(true)
		b.buf = append(b.buf, sentRecord{})
		copy(b.buf[b.head+i+1:], b.buf[b.head+i:])
	}
	*b.at(i), *b.at(i + 1) = r, r
	b.at(i).end = seq
}

// remove takes record i out; its numbers become those of the next one.
func (b *scoreboard) remove(i int) {
	if i <= b.len()/2 {
		copy(b.buf[b.head+1:], b.buf[b.head:b.head+i])
		b.head++
		return
	}
	b.buf = b.buf[:b.head+i+copy(b.buf[b.head+i:], b.buf[b.head+i+1:])]
}

// markSacked notes that the peer has record i, and returns where it stands then:
// it becomes one with neighbours that he has too.
func (b *scoreboard) markSacked(i int) int {
	r, n := b.at(i), int32(b.size(i))
	if r.flags.has(sentLost) {
		b.lost -= n
	}
	b.sacked += n
	r.flags = r.flags&^sentLost | sentSacked
	if i+1 < b.len() && b.at(i+1).flags.has(sentSacked) {
		b.remove(i)
	}
	if i > 0 && b.at(i-1).flags.has(sentSacked) {
		b.remove(i - 1)
		i--
	}
	return i
}

// markLost marks record i, which is in the network, as lost.
func (b *scoreboard) markLost(i int) {
	b.at(i).flags |= sentLost
	b.lost += int32(b.size(i))
	b.lostFrom = b.lostFrom.Min(b.start(i))
}

// markAllLost marks as lost all that the peer is not known to have, and with
// reneged all that he said he has, too.
func (b *scoreboard) markAllLost(reneged bool) {
	for i := range b.len() {
		r := b.at(i)
		if r.flags.has(sentSacked) {
			if !reneged {
				continue
			}
			r.flags &^= sentSacked
			b.sacked -= int32(b.size(i))
		}
		if !r.flags.has(sentLost) {
			b.markLost(i)
		}
	}
}

// unmarkLost takes what is marked lost for being in the network after all.
func (b *scoreboard) unmarkLost() {
	for i := range b.len() {
		b.at(i).flags &^= sentLost
	}
	b.lost = 0
}

// join makes record i and the next one, which are both marked lost, one.
func (b *scoreboard) join(i int) {
	b.at(i + 1).flags |= b.at(i).flags & sentAgain
	b.remove(i)
}

// extend adds n numbers to the last record, i, which is marked lost.
func (b *scoreboard) extend(i, n int) {
	b.at(i).end = b.at(i).end.Add(n)
	b.lost += int32(n)
}

// firstLost returns the first record that is marked lost; there must be one.
func (b *scoreboard) firstLost() int {
	i := b.find(b.lostFrom)
	for !b.at(i).flags.has(sentLost) {
		i++
	}
	b.lostFrom = b.start(i)
	return i
}

// again notes that record i, which was marked lost, is sent again.
func (b *scoreboard) again(i int, r sentRecord) {
	old := b.at(i)
	b.lost -= int32(b.size(i))
	r.end, r.flags = old.end, r.flags|sentAgain
	*old = r
}

// truncate forgets what lies behind seq: it was not sent after all.
func (b *scoreboard) truncate(seq Seq) {
	for n := b.len(); n > 0 && seq.Less(b.end()); n = b.len() {
		last, from := b.at(n-1), b.start(n-1).Max(seq)
		size := int32(last.end.Sub(from))
		switch {
		case last.flags.has(sentSacked):
			b.sacked -= size
		case last.flags.has(sentLost):
			b.lost -= size
		}
		if last.end = from; from == b.start(n-1) {
			if b.buf = b.buf[:len(b.buf)-1]; b.head == len(b.buf) {
				b.clear()
			}
		}
	}
}
