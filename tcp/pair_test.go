package tcp

import (
	"errors"
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
	hole                           int       // larger segments vanish, counted without options; 0: none do
	holeEnds                       time.Time // when they do no longer; zero: never
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
			SynR2: 15 * time.Minute,
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

// TestPairBlackHole is TestPair on paths that lose whatever is larger than some
// size, for a while or for good.
func TestPairBlackHole(t *testing.T) {
	for seed := range uint64(60) {
		w := newWorld(t, seed)
		w.hole = 536 + w.random.IntN(900)
		if w.random.IntN(3) == 0 {
			w.holeEnds = w.now.Add(time.Duration(w.random.Int64N(int64(10 * time.Second))))
		}
		w.run()
	}
}
