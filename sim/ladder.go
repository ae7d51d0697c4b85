package sim

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usernet-go/usernet/internal/ladder"
	"github.com/usernet-go/usernet/wire"
)

// A Ladder records the first TCP connection between two hosts and draws it as the
// figures of RFC 9293 are drawn: an arrow for each segment, the states of both ends
// beside them. Of a long connection it draws what tells its story, and says how
// much there was beside that. It may be drawn at any time, and concurrently.
//
// A segment is sent where it leaves its host, and arrives where it reaches the
// other; in between there may be routers and switches. One that arrives corrupt is
// as good as lost. A Ladder records 65536 segments, and counts those after them.
type Ladder struct {
	names [2]string

	mu sync.Mutex
	// The connection once it is certain which one that is; until then those that it
	// may be, in the order of their first segments.
	found   *recorded
	maybe   []*recorded
	skipped int // segments that were not recorded
}

// Bounds of a Ladder.
const (
	maxSegments = 1 << 16 // of the connection
	maxMaybe    = 16      // connections that it may be; the next one pushes out the oldest
	maxUnsure   = 64      // segments of each of them; the next one pushes out all
)

// recorded is a connection between two hosts, or one that may be.
type recorded struct {
	ends     [2]netip.AddrPort
	segments ladder.Recorder
	events   []seen  // by their numbers in segments
	sent     [2]bool // by direction: one of the hosts has sent a segment
	arrived  bool    // a segment has reached one of the hosts
}

// seen tells a segment again: the number that it had on the way on which it left
// its host, and on that which was to bring it to the other. 0 is none.
type seen struct {
	direction   ladder.Direction
	seq         wire.Seq
	first, last uint64
	corrupt     bool // on its first way: what of it is seen after that may be anything
}

func newLadder(a, b string) *Ladder { return &Ladder{names: [2]string{a, b}} }

// see takes note of a packet on any way of the world.
func (l *Ladder) see(p *Packet, f fate) {
	h, text, ok := p.TCP()
	if !ok {
		return
	}
	src, dst := p.ends(&h)
	l.mu.Lock()
	defer l.mu.Unlock()
	c, d := l.connection(src, dst, p.From, h.Flags&wire.SYN != 0)
	if c == nil {
		return
	}
	leaves, reaches := p.From == l.names[d], p.To == l.names[1-d]
	switch {
	case f.cut && (leaves || reaches) && c.cut(p.Number, d, h.Seq, leaves):
		// It had been seen before, when it set out.
	case leaves:
		l.sent(c, d, p, &f, &h, text, reaches)
	case reaches:
		c.reach(d, p, &f, &h, text)
	case f.lost() || f.Corrupt:
		c.segments.Missed(d, h, text)
	}
	if l.found == nil && (leaves && reaches || c.sent[0] && c.sent[1]) {
		l.found, l.maybe = c, nil
	}
}

// connection returns the connection to which a segment on a way from that node
// belongs, and its direction; nil for one that is none of theirs. Only one that opens
// begins a connection.
func (l *Ladder) connection(src, dst netip.AddrPort, from string, opens bool) (*recorded, ladder.Direction) {
	if l.found != nil {
		d, ok := l.found.direction(src, dst)
		if !ok {
			return nil, d
		}
		return l.found, d
	}
	for _, c := range l.maybe {
		if d, ok := c.direction(src, dst); ok {
			return c, d
		}
	}
	c := new(recorded)
	d := ladder.LeftToRight
	switch {
	case opens && from == l.names[0]:
		c.ends = [2]netip.AddrPort{src, dst}
	case opens && from == l.names[1]:
		c.ends, d = [2]netip.AddrPort{dst, src}, ladder.RightToLeft
	default:
		return nil, d
	}
	if len(l.maybe) == maxMaybe {
		l.maybe = slices.Delete(l.maybe, 0, 1)
	}
	l.maybe = append(l.maybe, c)
	return c, d
}

// direction says which way a segment with these ends goes; false when it is another
// connection's.
func (c *recorded) direction(src, dst netip.AddrPort) (d ladder.Direction, ok bool) {
	switch [2]netip.AddrPort{src, dst} {
	case c.ends:
		return ladder.LeftToRight, true
	case [2]netip.AddrPort{c.ends[1], c.ends[0]}:
		return ladder.RightToLeft, true
	}
	return d, false
}

// sent takes note of a segment that leaves its host; reaches says that the way ends
// at the other one.
func (l *Ladder) sent(c *recorded, d ladder.Direction, p *Packet, f *fate, h *wire.TCP, text int, reaches bool) {
	switch {
	case len(c.events) == maxSegments:
		l.skipped++
		return
	case len(c.events) == maxUnsure && l.found != c:
		c.segments, c.events = ladder.Recorder{}, nil
	}
	c.sent[d] = true
	event := c.segments.Sent(d, p.Time, *h, text)
	c.events = append(c.events, seen{direction: d, seq: h.Seq, first: p.Number, corrupt: f.Corrupt})
	switch {
	case f.lost():
		c.segments.Settle(event, ladder.Lost, time.Time{})
	case f.Corrupt || reaches:
		c.settle(event, f)
	}
	if reaches {
		c.events[event].last = p.Number
	}
}

// reach takes note of a segment on a way to the other host.
func (c *recorded) reach(d ladder.Direction, p *Packet, f *fate, h *wire.TCP, text int) {
	if f.lost() {
		c.segments.Missed(d, *h, text)
		return
	}
	event, ok := c.segments.Arrived(d, f.At, *h, text)
	if !ok {
		return
	}
	c.arrived, c.events[event].last = true, p.Number
	if f.Corrupt || f.Twice {
		c.settle(event, f)
	}
}

// settle says what became of the segment of an event, which arrives in some way.
func (c *recorded) settle(event int, f *fate) {
	switch {
	case f.Corrupt:
		c.segments.Settle(event, ladder.Corrupted, time.Time{})
	case f.Twice:
		c.segments.Settle(event, ladder.Duplicated, f.At)
	default:
		c.segments.Settle(event, ladder.Delivered, f.At)
	}
}

// cut takes note of a segment that the path was cut under, of which it was known
// that it would arrive; false when that segment has not been seen.
func (c *recorded) cut(number uint64, d ladder.Direction, seq wire.Seq, leaves bool) bool {
	for i := len(c.events) - 1; i >= 0; i-- {
		s := &c.events[i]
		if s.direction == d && (s.seq == seq || s.corrupt) && (leaves && s.first == number || !leaves && s.last == number) {
			c.segments.Settle(i, ladder.Lost, time.Time{})
			return true
		}
	}
	return false
}

// String returns the drawing: times in milliseconds since the first segment,
// sequence numbers since each end's initial one.
func (l *Ladder) String() string {
	l.mu.Lock()
	c, skipped := l.found, l.skipped
	if c == nil {
		// One host has not answered; where a segment has reached it, it was meant.
		if i := slices.IndexFunc(l.maybe, func(c *recorded) bool { return c.arrived }); i >= 0 {
			c = l.maybe[i]
		}
	}
	var events []ladder.Event
	if c != nil {
		events = c.segments.Events()
	}
	l.mu.Unlock()
	if c == nil {
		return fmt.Sprintf("no TCP connection between %s and %s\n", l.names[0], l.names[1])
	}
	var b strings.Builder
	ladder.Draw(&b, fmt.Sprintf("%s %v", l.names[0], c.ends[0]), fmt.Sprintf("%s %v", l.names[1], c.ends[1]), events) // a Builder has no errors
	if skipped > 0 {
		fmt.Fprintf(&b, "and %d segments after these\n", skipped)
	}
	return b.String()
}

// WriteTo writes the drawing to w. The error is w's.
func (l *Ladder) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, l.String())
	return int64(n), err
}
