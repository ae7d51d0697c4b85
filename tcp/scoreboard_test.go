package tcp

import (
	"testing"

	"pgregory.net/rapid"
)

// modelByte is what is known of one number in the network.
type modelByte struct {
	sacked, lost, again bool
	hazy                bool // the peer had it once: whether it was sent again is no longer known
}

// boardModel is a scoreboard and, beside it, each number on its own.
type boardModel struct {
	b    scoreboard
	una  Seq
	each []modelByte
	now  instant
}

func (m *boardModel) end() Seq { return m.una.Add(len(m.each)) }

// part returns the numbers of record i.
func (m *boardModel) part(i int) []modelByte {
	from := m.b.start(i).Sub(m.una)
	return m.each[from : from+m.b.size(i)]
}

// record draws a record that has all of want and nothing of not; -1 when there is none.
func (m *boardModel) record(t *rapid.T, want, not sentFlags) int {
	var fit []int
	for i := range m.b.len() {
		if f := m.b.at(i).flags; f&want == want && !f.has(not) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return -1
	}
	return rapid.SampledFrom(fit).Draw(t, "record")
}

func (m *boardModel) add(t *rapid.T) {
	n := rapid.IntRange(1, 30).Draw(t, "size")
	m.now++
	m.b.add(m.end(), sentRecord{end: m.end().Add(n), at: m.now}, 10)
	m.each = append(m.each, make([]modelByte, n)...)
}

// sack enters a block from anywhere to anywhere, as takeBlock does, but byte by byte.
func (m *boardModel) sack(t *rapid.T) {
	if len(m.each) == 0 {
		return
	}
	from := rapid.IntRange(0, len(m.each)-1).Draw(t, "from")
	to := rapid.IntRange(from+1, len(m.each)).Draw(t, "to")
	left, right := m.una.Add(from), m.una.Add(to)
	b := &m.b
	for i := b.find(left); i < b.len() && b.start(i).Less(right); i++ {
		if b.at(i).flags.has(sentSacked) {
			continue
		}
		if b.start(i).Less(left) {
			b.split(i, left)
			i++
		}
		if right.Less(b.at(i).end) {
			b.split(i, right)
		}
		i = b.markSacked(i)
	}
	for i := from; i < to; i++ {
		m.each[i] = modelByte{sacked: true, hazy: true}
	}
}

func (m *boardModel) lose(t *rapid.T) {
	if i := m.record(t, 0, sentSacked|sentLost); i >= 0 {
		for j := range m.part(i) {
			m.part(i)[j].lost = true
		}
		m.b.markLost(i)
	}
}

// sendAgain sends the first lost record again, or its first part.
func (m *boardModel) sendAgain(t *rapid.T) {
	if m.b.lost == 0 {
		return
	}
	i := m.b.firstLost()
	if n := rapid.IntRange(1, m.b.size(i)).Draw(t, "part"); n < m.b.size(i) {
		m.b.split(i, m.b.start(i).Add(n))
	}
	m.now++
	m.b.again(i, sentRecord{at: m.now})
	for j := range m.part(i) {
		m.part(i)[j].lost, m.part(i)[j].again = false, true
	}
	if got := m.b.at(i).at; got != m.now {
		t.Fatalf("what is sent again was sent at %d, want %d", got, m.now)
	}
}

func (m *boardModel) join(t *rapid.T) {
	for i := range max(0, m.b.len()-1) {
		if !m.b.at(i).flags.has(sentLost) || !m.b.at(i+1).flags.has(sentLost) {
			continue
		}
		again := (m.b.at(i).flags | m.b.at(i+1).flags).has(sentAgain)
		m.b.join(i)
		for j := range m.part(i) {
			m.part(i)[j].again = again
		}
		return
	}
}

func (m *boardModel) extend(t *rapid.T) {
	if last := m.b.len() - 1; last >= 0 && m.b.at(last).flags.has(sentLost) {
		n := rapid.IntRange(0, 5).Draw(t, "more")
		m.b.extend(last, n)
		more := m.each[len(m.each)-1]
		for range n {
			m.each = append(m.each, more)
		}
	}
}

func (m *boardModel) pop(t *rapid.T) {
	to := m.una.Add(rapid.IntRange(0, len(m.each)).Draw(t, "acknowledged"))
	for m.b.len() > 0 && m.b.base.Less(to) {
		m.b.popTo(to.Min(m.b.at(0).end))
	}
	m.each = m.each[to.Sub(m.una):]
	m.una = to
}

func (m *boardModel) truncate(t *rapid.T) {
	n := rapid.IntRange(0, len(m.each)).Draw(t, "left")
	m.b.truncate(m.una.Add(n))
	m.each = m.each[:n]
}

func (m *boardModel) loseAll(t *rapid.T) {
	reneged := rapid.Bool().Draw(t, "reneged")
	m.b.markAllLost(reneged)
	for i := range m.each {
		e := &m.each[i]
		e.sacked = e.sacked && !reneged
		e.lost = !e.sacked
	}
}

func (m *boardModel) loseNone(*rapid.T) {
	m.b.unmarkLost()
	for i := range m.each {
		m.each[i].lost = false
	}
}

// check compares the two.
func (m *boardModel) check(t *rapid.T) {
	b := &m.b
	if b.len() > 0 && b.base != m.una || b.len() == 0 && len(m.each) > 0 {
		t.Fatalf("%d records from %d on, want %d numbers from %d on", b.len(), b.base, len(m.each), m.una)
	}
	var sacked, lost int32
	at := 0
	for i := range b.len() {
		r, n := b.at(i), b.size(i)
		if n <= 0 || at+n > len(m.each) {
			t.Fatalf("record %d has %d numbers, from the %dth of %d on", i, n, at, len(m.each))
		}
		if i > 0 && r.flags.has(sentSacked) && b.at(i-1).flags.has(sentSacked) {
			t.Fatalf("records %d and %d are both with the peer, and two", i-1, i)
		}
		for _, e := range m.each[at : at+n] {
			if r.flags.has(sentSacked) != e.sacked || r.flags.has(sentLost) != e.lost {
				t.Fatalf("record %d has flags %b, want %+v", i, r.flags, e)
			}
			if !e.hazy && r.flags.has(sentAgain) != e.again {
				t.Fatalf("record %d: sent again is %v, want %v", i, !e.again, e.again)
			}
			if e.sacked {
				sacked++
			}
			if e.lost {
				lost++
			}
		}
		at += n
	}
	if at != len(m.each) || b.sacked != sacked || b.lost != lost {
		t.Fatalf("%d numbers, %d sacked, %d lost; want %d, %d, %d", at, b.sacked, b.lost, len(m.each), sacked, lost)
	}
	if lost > 0 {
		first := 0
		for !m.each[first].lost {
			first++
		}
		if got := b.start(b.firstLost()); got != m.una.Add(first) {
			t.Fatalf("first lost number is %d, want %d", got, m.una.Add(first))
		}
	}
	for range 3 {
		seq := m.una.Add(rapid.IntRange(0, len(m.each)+2).Draw(t, "seq"))
		i := b.find(seq)
		if seq.Less(m.end()) != (i < b.len()) || i < b.len() && (seq.Less(b.start(i)) || b.at(i).end.LessEq(seq)) {
			t.Fatalf("find(%d) returns record %d of %d", seq, i, b.len())
		}
	}
	if used, kept := cap(b.buf), b.pool.records.kept; used > 0 && b.len() == 0 && used > keepRecords || kept > keptRecords {
		t.Fatalf("%d records of memory for none, %d in the pool", used, kept)
	}
}

// TestScoreboard: whatever happens to it, the scoreboard is what one knows of each number.
func TestScoreboard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		una := Seq(rapid.SampledFrom([]uint32{0, 1000, 1<<31 - 50, 1<<32 - 50}).Draw(t, "una"))
		m := &boardModel{b: scoreboard{pool: new(Chunks)}, una: una}
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"add":      m.add,
			"add too":  m.add,
			"sack":     m.sack,
			"lose":     m.lose,
			"again":    m.sendAgain,
			"join":     m.join,
			"extend":   m.extend,
			"pop":      m.pop,
			"truncate": m.truncate,
			"all":      m.loseAll,
			"none":     m.loseNone,
		})
	})
}

// TestScoreboardOfShortSegments: a user who writes byte by byte does not make us hold a record for each of them.
func TestScoreboardOfShortSegments(t *testing.T) {
	const mss, n = 1000, 200_000
	b := scoreboard{pool: new(Chunks)}
	for i := range Seq(n) {
		b.add(i, sentRecord{end: i + 1, at: instant(i + 1)}, mss)
	}
	if most := manyRecords + n/mss + 1; b.len() > most {
		t.Errorf("%d records, want at most %d", b.len(), most)
	}
	last := b.at(b.len() - 1)
	if b.end() != n || last.at != n {
		t.Errorf("they end with %d, sent at %d, want both %d", b.end(), last.at, n)
	}
	for i := manyRecords; i < b.len(); i++ {
		if b.size(i) > mss {
			t.Fatalf("record %d has %d numbers: more than a segment", i, b.size(i))
		}
	}
	// What was sent again, or has arrived, is not mixed with what is new.
	for _, mark := range []sentFlags{sentSacked, sentLost, sentAgain} {
		before := b.len()
		b.at(before - 1).flags |= mark
		b.add(b.end(), sentRecord{end: b.end().Add(1)}, mss)
		if b.len() != before+1 {
			t.Errorf("a new segment was entered with one that has flags %b", mark)
		}
	}
}

// TestScoreboardMemory: a transfer that is over gives its memory back, and the next one takes it.
func TestScoreboardMemory(t *testing.T) {
	pool := new(Chunks)
	fill := func(n int) *scoreboard {
		b := &scoreboard{pool: pool}
		for i := range Seq(n) {
			b.add(i, sentRecord{end: i + 1}, 1)
		}
		return b
	}
	b := fill(3000)
	before := &b.buf[:1][0]
	b.popTo(1)
	for b.len() > 0 {
		b.popTo(b.at(0).end)
	}
	if b.buf != nil {
		t.Errorf("memory for %d records is kept for none", cap(b.buf))
	}
	kept := pool.records.kept
	b = fill(3000)
	if &b.buf[:1][0] != before || pool.records.kept >= kept {
		t.Errorf("the memory of the first transfer was not used for the second; the pool has %d, had %d", pool.records.kept, kept)
	}
	if got := testing.AllocsPerRun(10, func() { fill(3000).clear() }); got > 1 { // the scoreboard itself
		t.Errorf("%v allocations for a transfer, want none", got)
	}
	// A small one keeps what it has: one segment after another costs nothing.
	b = fill(keepRecords)
	b.clear()
	if cap(b.buf) != keepRecords {
		t.Errorf("memory for %d records is kept, want %d", cap(b.buf), keepRecords)
	}
	// The pool is bounded, and what is very large is not kept at all.
	for range 2 * keptRecords / 1024 {
		pool.records.put(make([]sentRecord, 0, 1024))
	}
	pool.records.put(make([]sentRecord, 0, 2<<maxRecordClass))
	if pool.records.kept > keptRecords {
		t.Errorf("the pool keeps %d records, want at most %d", pool.records.kept, keptRecords)
	}
	if pool.records.release(); pool.records.kept != 0 {
		t.Errorf("the pool keeps %d records after release", pool.records.kept)
	}
}
