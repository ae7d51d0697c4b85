package tcp

import (
	"math/rand/v2"

	"github.com/usernet-go/usernet/wire"
)

// A liar is a receiver that sends what it likes where an honest one sends an ACK.
// It sees what the sender has sent and what has arrived.
type liar struct {
	f    *gridFlow
	r    *rand.Rand
	told int // segments that it has sent
	last Seq // what its last ACK acknowledged
}

func (l *liar) emit(s Segment) {
	l.told++
	l.f.net.carry(l.f, false, &s, nil)
}

// una and nxt are what an honest receiver waits for, and what is behind all that
// was sent.
func (l *liar) una() Seq { return l.f.to.rcv.nxt }
func (l *liar) nxt() Seq { return l.f.iss.Add(1 + l.f.top) }

// between returns a number from a to b.
func (l *liar) between(a, b Seq) Seq { return a.Add(l.r.IntN(max(0, b.Sub(a)) + 1)) }

// sacks returns s with these blocks.
func sacks(s Segment, blocks ...wire.SACKBlock) Segment {
	s.Options.NumSACK = uint8(copy(s.Options.SACK[:], blocks))
	return s
}

// A lie is one manner of lying.
type lie struct {
	name string
	tell func(l *liar, s Segment)
	// gains: it says that something has arrived that has not, or was not lost that was,
	// in a manner that no sender can tell from the truth. What it gains by that is
	// bounded by what it acknowledges, and no more: it harms itself as much as others.
	gains bool
	// loses: what it says has arrived is not sent again, so that the stream does not
	// go on.
	loses bool
}

// lies are what no sender should gain or lose by.
var lies = []lie{
	{name: "ACKs of what was never sent", tell: func(l *liar, s Segment) {
		l.emit(s)
		// So far away that it is not sent before the ACK arrives either.
		for _, n := range []int{1 << 24, 1<<24 + l.r.IntN(1<<20), 1 << 30, 1<<31 - 1} {
			lie := s
			lie.Ack = l.nxt().Add(n)
			l.emit(lie)
		}
	}},
	{name: "ACKs of long ago", tell: func(l *liar, s Segment) {
		l.emit(s)
		for _, n := range []int{1, l.r.IntN(1 << 16), 1 << 30, 1<<31 - 1} {
			lie := s
			lie.Ack = s.Ack.Add(-n)
			l.emit(lie)
		}
	}},
	{name: "SACK blocks outside of the window", tell: func(l *liar, s Segment) {
		far := l.nxt().Add(1<<24 + l.r.IntN(1<<29))
		old := s.Ack.Add(-1 - l.r.IntN(1<<29))
		l.emit(sacks(s, wire.SACKBlock{Left: far, Right: far.Add(1448)}, wire.SACKBlock{Left: l.nxt().Add(-1), Right: far},
			wire.SACKBlock{Left: old, Right: far}, wire.SACKBlock{Left: old, Right: s.Ack.Add(1)}))
	}},
	{name: "SACK blocks reversed and empty", tell: func(l *liar, s Segment) {
		a, b := l.between(l.una(), l.nxt()), l.between(l.una(), l.nxt())
		l.emit(sacks(s, wire.SACKBlock{Left: a.Max(b).Add(1), Right: a.Min(b)}, wire.SACKBlock{Left: a, Right: a},
			wire.SACKBlock{Left: a, Right: a.Add(-1448)}, wire.SACKBlock{Left: l.nxt(), Right: s.Ack}))
	}},
	{name: "SACK blocks that overlap, and what they say is not so", gains: true, loses: true, tell: func(l *liar, s Segment) {
		var blocks [4]wire.SACKBlock
		for i := range blocks {
			blocks[i].Left = l.between(s.Ack, l.nxt())
			blocks[i].Right = l.between(blocks[i].Left, l.nxt())
		}
		l.emit(sacks(s, blocks[:]...))
	}},
	{name: "reneging", gains: true, tell: func(l *liar, s Segment) {
		// All behind the first segment has arrived, and the next time it has not.
		if l.told%2 == 0 {
			s = sacks(s, wire.SACKBlock{Left: s.Ack.Add(1448), Right: l.nxt()})
		}
		l.emit(s)
	}},
	{name: "SACK blocks of single bytes", gains: true, tell: func(l *liar, s Segment) {
		var blocks [4]wire.SACKBlock
		for i := range blocks {
			at := l.between(s.Ack.Add(1), l.nxt())
			blocks[i] = wire.SACKBlock{Left: at, Right: at.Add(1)}
		}
		l.emit(sacks(s, blocks[:]...))
	}},
	{name: "optimistic ACKs", gains: true, loses: true, tell: func(l *liar, s Segment) {
		s.Ack = l.nxt()
		l.emit(s)
	}},
	{name: "optimistic SACKs", gains: true, loses: true, tell: func(l *liar, s Segment) {
		if first := s.Ack.Add(1448); first.Less(l.nxt()) {
			s = sacks(s, wire.SACKBlock{Left: first, Right: l.nxt()})
		}
		l.emit(s)
	}},
	{name: "divided ACKs", tell: func(l *liar, s Segment) {
		for step := max(1, s.Ack.Sub(l.last)/50); l.last != s.Ack; {
			part := s
			l.last = l.last.Add(step).Min(s.Ack)
			part.Ack = l.last
			l.emit(part)
		}
		l.emit(s)
	}},
	{name: "divided SACKs", tell: func(l *liar, s Segment) {
		// What has arrived beyond a gap is told byte by byte.
		runs := l.f.to.in.runs
		for i := range min(len(runs), 4) {
			for n := range 20 {
				l.emit(sacks(s, wire.SACKBlock{Left: runs[i].start, Right: runs[i].start.Add(1 + n*runs[i].end.Sub(runs[i].start)/21)}))
			}
		}
		l.emit(s)
	}},
	{name: "floods of duplicate ACKs", tell: func(l *liar, s Segment) {
		for range 30 {
			l.emit(s)
		}
	}},
	{name: "floods of duplicate ACKs with D-SACKs", tell: func(l *liar, s Segment) {
		for range 30 {
			l.emit(sacks(s, wire.SACKBlock{Left: s.Ack.Add(-1448), Right: s.Ack}))
		}
	}},
	{name: "timestamps that jump", tell: func(l *liar, s Segment) {
		o := &s.Options
		if o.HasTimestamps {
			switch l.r.IntN(4) {
			case 0:
				o.TSEcr = l.r.Uint32()
			case 1:
				o.TSEcr += uint32(l.r.IntN(10_000))
			case 2:
				o.TSEcr -= uint32(l.r.IntN(10_000))
			case 3:
				o.TSEcr = 0
			}
		}
		l.emit(s)
	}},
	{name: "D-SACKs of what was never sent again", tell: func(l *liar, s Segment) {
		back := s.Ack.Add(-1448 * (1 + l.r.IntN(10)))
		l.emit(sacks(s, wire.SACKBlock{Left: back, Right: back.Add(1448)}))
	}},
	{name: "D-SACKs of all that was sent again", gains: true, tell: func(l *liar, s Segment) {
		if n := len(l.f.again); n > 0 {
			g := l.f.again[l.r.IntN(n)]
			s = sacks(s, wire.SACKBlock{Left: l.f.iss.Add(1 + g.start), Right: l.f.iss.Add(1 + g.end)})
		}
		l.emit(s)
	}},
	{name: "ECE always", tell: func(l *liar, s Segment) {
		s.Flags |= wire.ECE
		l.emit(s)
	}},
	{name: "ECE, CWR and AE by chance", tell: func(l *liar, s Segment) {
		s.Flags |= [...]wire.TCPFlags{0, wire.ECE, wire.CWR, wire.ECE | wire.CWR}[l.r.IntN(4)]
		l.emit(s)
	}},
	{name: "windows that dance", tell: func(l *liar, s Segment) {
		s.Window = [...]uint16{0, 1, 100, 65535, s.Window}[l.r.IntN(5)]
		l.emit(s)
	}},
}
