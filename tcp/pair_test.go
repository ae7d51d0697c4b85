package tcp

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// world is two machines, a wire between them that loses, delays, reorders and
// duplicates, and at each end an application that writes and reads at random.
// All of it follows from a seed.
type world struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	now    time.Time
	tick   time.Duration // granularity of the clock that the machines see
	ends   [2]*end
	wire   []flying
	order  int

	loss, duplicate, reorder, full float64
	delay, jitter                  time.Duration
	cut, mended                    time.Time // between them nothing arrives
	segments                       int
}

// flying is a segment on the wire.
type flying struct {
	seg  Segment
	to   int
	at   time.Time
	tie  int
	text []byte
}

// end is a machine and its application.
type end struct {
	conn     Conn
	pool     *Chunks
	cfg      Config
	wrote    int // bytes of the stream so far
	total    int // bytes that it will write
	read     int
	gone     bool // has closed
	eof      bool
	pattern  byte
	half     bool // closes its writing side first, and reads on
	lastEdge Seq
	edgeSet  bool
	nextApp  time.Time
	maxWrite int
	slow     time.Duration // pause between reads
}

var pairEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, seed: seed, random: r, now: pairEpoch.Add(time.Second)}
	w.tick = []time.Duration{time.Nanosecond, time.Microsecond, time.Millisecond, 10 * time.Millisecond, 15600 * time.Microsecond}[r.IntN(5)]
	if r.IntN(4) > 0 {
		w.loss = r.Float64() * 0.2
		w.duplicate = r.Float64() * 0.1
		w.reorder = r.Float64() * 0.3
		w.full = r.Float64() * 0.1
	}
	w.delay = time.Duration(r.Int64N(int64(100 * time.Millisecond)))
	w.jitter = time.Duration(r.Int64N(int64(50*time.Millisecond)) + 1)
	if r.IntN(4) == 0 {
		w.cut = w.now.Add(time.Duration(r.Int64N(int64(5 * time.Second))))
		w.mended = w.cut.Add(time.Duration(r.Int64N(int64(90 * time.Second))))
	}
	mss := []int{88, 536, 1000, 1460, 8948}[r.IntN(5)]
	for i := range w.ends {
		e := &end{pool: new(Chunks), total: r.IntN(300_000), pattern: byte(r.IntN(256)), half: r.IntN(2) == 0}
		if r.IntN(4) == 0 {
			e.total = r.IntN(3)
		}
		e.maxWrite = 1 + r.IntN(1<<r.IntN(17))
		e.total = min(e.total, e.maxWrite*300)
		if r.IntN(3) == 0 {
			e.slow = time.Duration(r.Int64N(int64(2 * time.Second)))
		}
		e.cfg = Config{Epoch: pairEpoch, Chunks: e.pool,
			SendBuffer:    1 << (11 + r.IntN(8)),
			ReceiveBuffer: 1<<(11+r.IntN(8)) + r.IntN(1000),
			NoTimestamps:  r.IntN(3) == 0, NoWindowScale: r.IntN(3) == 0,
		}.WithDefaults()
		p := Params{ISS: Seq(r.Uint32()), TSOffset: r.Uint32(), MSS: mss, MaxSegment: r.IntN(2) * r.IntN(65536)}
		if r.IntN(2) == 0 {
			p.ISS = Seq(0) - Seq(r.IntN(300_000)) // wraps
		}
		e.conn.Init(&e.cfg, p)
		e.conn.SetNoDelay(w.now, r.IntN(2) == 0)
		w.ends[i] = e
	}
	w.ends[0].conn.OpenActive(w.now)
	if r.IntN(8) == 0 {
		w.ends[1].conn.OpenActive(w.now)
	} else {
		w.ends[1].conn.OpenPassive()
	}
	return w
}

// clock is the time that the machines see.
func (w *world) clock() time.Time {
	d := w.now.Sub(pairEpoch)
	return pairEpoch.Add(d - d%w.tick)
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	for i, e := range w.ends {
		w.t.Logf("end %d: %+v err %v, wrote %d of %d, read %d, gone %v eof %v, timers %v now %v", i, e.conn.Info(), e.conn.Err(),
			e.wrote, e.total, e.read, e.gone, e.eof, e.conn.timers, e.conn.at(w.now))
	}
	w.t.Fatalf("seed %d (USERNET_SEED=%d go test ./tcp -run %s): at %v: "+format,
		append([]any{w.seed, w.seed, w.t.Name(), w.now.Sub(pairEpoch)}, args...)...)
}

func streamByte(pattern byte, i int) byte { return byte(i>>8)*31 + byte(i) + pattern }

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

// check holds a machine against what must be true of it at any time.
func (w *world) check(i int) {
	e := w.ends[i]
	if err := e.conn.invariants(); err != nil {
		w.failf("end %d: %v", i, err)
	}
	if e.conn.state.synchronized() {
		if e.edgeSet && e.conn.rcv.edge.Less(e.lastEdge) {
			w.failf("end %d: right edge moved from %d to %d", i, e.lastEdge, e.conn.rcv.edge)
		}
		e.lastEdge, e.edgeSet = e.conn.rcv.edge, true
	}
}

// invariants are what must be true of a connection at any time.
func (c *Conn) invariants() error {
	switch {
	case c.snd.nxt.Less(c.snd.una):
		return fmt.Errorf("snd.una %d is beyond snd.nxt %d", c.snd.una, c.snd.nxt)
	case c.snd.at.Less(c.snd.una) || c.snd.nxt.Less(c.snd.at):
		return fmt.Errorf("snd.at %d is outside of %d to %d", c.snd.at, c.snd.una, c.snd.nxt)
	case c.out.len() > c.cfg.SendBuffer || c.out.len() < 0:
		return fmt.Errorf("%d bytes in the send buffer of %d", c.out.len(), c.cfg.SendBuffer)
	case c.in.len() > c.cfg.ReceiveBuffer || c.in.len() < 0:
		return fmt.Errorf("%d bytes in the receive buffer of %d", c.in.len(), c.cfg.ReceiveBuffer)
	case c.in.len()+c.rcvWindow() > c.cfg.ReceiveBuffer+1 && c.state.synchronized():
		return fmt.Errorf("%d bytes read and a window of %d in a receive buffer of %d", c.in.len(), c.rcvWindow(), c.cfg.ReceiveBuffer)
	case len(c.in.runs) > maxRuns:
		return fmt.Errorf("%d runs", len(c.in.runs))
	case c.state.synchronized() && c.state != StateTimeWait && c.outstanding() && c.timers[timerRetransmit] == 0:
		return errors.New("something is outstanding, and no retransmission timer runs")
	case c.timers[timerRetransmit] != 0 && !c.outstanding() && c.snd.wnd != 0:
		return errors.New("a retransmission timer runs, and nothing is outstanding")
	case c.state == StateTimeWait && c.timers[timerClose] == 0:
		return errors.New("TIME-WAIT without an end")
	case c.state == StateClosed && c.timers.next() != 0:
		return errors.New("a timer runs in CLOSED")
	case c.state == StateClosed && c.out.head != nil:
		return errors.New("the send queue holds memory in CLOSED")
	case c.out.len() == 0 && c.out.head != nil:
		return errors.New("an empty send queue holds memory")
	case c.in.len() == 0 && len(c.in.runs) == 0 && c.in.head != nil:
		return errors.New("an empty receive queue holds memory")
	}
	at := c.in.next
	for _, r := range c.in.runs {
		if !at.Less(r.start) && c.state.synchronized() && !c.synPending() || !r.start.Less(r.end) {
			return fmt.Errorf("runs %v behind %d", c.in.runs, c.in.next)
		}
		at = r.end
	}
	if len(c.in.runs) > 0 && c.rcv.edge.Less(at) {
		return fmt.Errorf("text up to %d beyond the edge %d", at, c.rcv.edge)
	}
	return nil
}

// application lets the user of an end do something.
func (w *world) application(i int) {
	e := w.ends[i]
	if e.gone || w.now.Before(e.nextApp) {
		return
	}
	e.nextApp = w.now.Add(time.Duration(w.random.Int64N(int64(e.slow) + 1)))
	w.readSome(i)
	w.writeSome(i)
	if w.random.IntN(20) == 0 {
		e.conn.SetCork(w.clock(), w.random.IntN(2) == 0)
	}
	if w.random.IntN(100) == 0 {
		e.conn.SetMSS(w.clock(), 500+w.random.IntN(1000))
	}
	if e.wrote == e.total && e.half {
		if err := e.conn.CloseWrite(w.clock()); err != nil && e.conn.Err() == nil && e.conn.State().synchronized() {
			w.failf("end %d: CloseWrite: %v", i, err)
		}
	}
	peer := w.ends[1-i]
	if e.conn.State() != StateSynSent && e.wrote == e.total && (e.eof || !e.half && e.read == peer.total && peer.wrote == peer.total && !e.conn.Readable()) {
		e.gone = true
		if err := e.conn.Close(w.clock()); err != nil {
			w.failf("end %d: Close: %v", i, err)
		}
	}
	w.drain(i)
}

func (w *world) readSome(i int) {
	e := w.ends[i]
	b := make([]byte, 1+w.random.IntN(40_000))
	for range 1 + w.random.IntN(4) {
		n, err := e.conn.Read(w.clock(), b)
		for k, x := range b[:n] {
			if want := streamByte(w.ends[1-i].pattern, e.read+k); x != want {
				w.failf("end %d: byte %d is %d, want %d", i, e.read+k, x, want)
			}
		}
		e.read += n
		switch {
		case errors.Is(err, io.EOF):
			e.eof = true
			if e.read != w.ends[1-i].total {
				w.failf("end %d: EOF after %d of %d bytes", i, e.read, w.ends[1-i].total)
			}
		case err != nil && err != ErrWouldBlock && !(err == ErrNotConnected && e.conn.State() == StateListen):
			w.failf("end %d: Read: %v", i, err)
		}
		if err != nil {
			return
		}
	}
}

func (w *world) writeSome(i int) {
	e := w.ends[i]
	if e.wrote == e.total || !e.conn.State().sendsText() && e.conn.State() != StateSynSent && e.conn.State() != StateSynReceived {
		return
	}
	b := make([]byte, min(e.total-e.wrote, 1+w.random.IntN(e.maxWrite)))
	for k := range b {
		b[k] = streamByte(e.pattern, e.wrote+k)
	}
	write := e.conn.Write
	if w.random.IntN(50) == 0 {
		write = e.conn.WriteUrgent
	}
	n, err := write(w.clock(), b)
	if err != nil && err != ErrWouldBlock {
		w.failf("end %d: Write: %v", i, err)
	}
	e.wrote += n
}

// over says that nothing can happen any more.
func (w *world) over() bool {
	for _, e := range w.ends {
		if !e.gone || e.conn.State() != StateClosed && e.conn.State() != StateTimeWait {
			return false
		}
	}
	return len(w.wire) == 0
}

// run lets the world go on until it is over.
func (w *world) run() {
	w.drain(0)
	w.drain(1)
	for step := 0; !w.over(); step++ {
		if step > 400_000 {
			w.failf("no end in sight")
		}
		next := time.Time{}
		earlier := func(t time.Time) {
			if !t.IsZero() && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
		for i := range w.wire {
			earlier(w.wire[i].at)
		}
		for _, e := range w.ends {
			earlier(e.conn.Deadline())
			if !e.gone && e.conn.State() != StateListen && (!e.eof && e.conn.Readable() || e.wrote < e.total && e.conn.Writable()) {
				if e.nextApp.After(w.now) {
					earlier(e.nextApp)
				} else {
					earlier(w.now.Add(time.Microsecond))
				}
			}
		}
		if next.IsZero() {
			w.failf("deadlock")
		}
		if next.After(w.now) {
			w.now = next
		}
		// A machine on a coarse clock wakes at the tick after its deadline.
		if c := w.clock(); c.Before(next) && w.tick > time.Nanosecond {
			w.now = c.Add(w.tick)
		}
		w.deliver()
		for i, e := range w.ends {
			if d := e.conn.Deadline(); !d.IsZero() && !d.After(w.clock()) {
				e.conn.Advance(w.clock())
			}
			w.application(i)
			w.drain(i)
		}
		if w.now.Sub(pairEpoch) > 12*time.Hour {
			w.failf("it takes hours")
		}
	}
	for i, e := range w.ends {
		if err := e.conn.Err(); err != nil && err != ErrReset {
			w.failf("end %d: %v", i, err)
		}
		if e.read != w.ends[1-i].total {
			w.failf("end %d has read %d of %d bytes", i, e.read, w.ends[1-i].total)
		}
	}
}

// TestPair lets worlds run from many seeds: each byte arrives intact, both ends
// come to CLOSED or TIME-WAIT, nobody waits for ever.
func TestPair(t *testing.T) {
	if s := os.Getenv("USERNET_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		newWorld(t, seed).run()
		return
	}
	worlds := uint64(300)
	if n, err := strconv.ParseUint(os.Getenv("USERNET_WORLDS"), 10, 64); err == nil {
		worlds = n
	} else if testing.Short() {
		worlds = 60
	}
	for seed := range worlds {
		newWorld(t, seed).run()
	}
}
