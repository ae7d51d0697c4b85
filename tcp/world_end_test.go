package tcp

import "time"

// end is a stack of one four-tuple: what a host does around a machine, with a
// clock and a timer of its own, which tick as coarsely as some systems' do.
type end struct {
	w            *world
	id           int
	clock, timer time.Duration // granularity
	cfg          Config
	params       Params
	isn          uint32
	full         float64 // share of the segments that the link has no room for
	retries      bool    // comes back after that; otherwise the machine's own timers must
	coalesces    bool    // puts segments together that arrive together
	keepsWait    bool    // leaves TIME-WAIT to the connection

	user      *user     // whose connection has the four-tuple, or nil
	waiting   *user     // who accepts the next connection, or nil
	tw        *TimeWait // or nil
	retry     time.Time // when segments that the link had no room for are tried again; zero: none
	dark      darkness
	resets    int  // sent
	unsettled bool // something was received, and more of the batch may follow
	stuck     int  // wakings in a row that left a deadline that was over
	batch     []Segment
	text      []byte
}

type darkness int

const (
	alive    darkness = iota
	silent            // nobody is there any more
	rebooted          // somebody is there who knows nothing
)

func newEnd(w *world, id, mss int) *end {
	r := w.random
	ticks := []time.Duration{time.Microsecond, time.Microsecond, 100 * time.Microsecond, time.Millisecond, 4 * time.Millisecond,
		10 * time.Millisecond, 15600 * time.Microsecond}
	isn, tsOffset := r.Uint32(), r.Uint32()
	if r.IntN(3) == 0 { // numbers and timestamps wrap round soon
		since := uint32(w.now.Sub(pairEpoch).Milliseconds())
		isn, tsOffset = -since*250-r.Uint32N(1<<19), -since-r.Uint32N(1<<16)
	}
	e := &end{w: w, id: id, clock: ticks[r.IntN(len(ticks))], isn: isn, retries: r.IntN(2) == 0,
		coalesces: r.IntN(3) == 0, keepsWait: r.IntN(4) == 0}
	e.timer = e.clock
	if r.IntN(3) == 0 {
		e.timer = ticks[r.IntN(len(ticks))]
	}
	if r.IntN(4) == 0 {
		e.full = r.Float64() * 0.1
	}
	e.cfg = Config{Epoch: pairEpoch, Chunks: new(Chunks),
		SendBuffer:    minBuffer << r.IntN(10),
		ReceiveBuffer: minBuffer<<r.IntN(10) + r.IntN(1000),
		NoTimestamps:  r.IntN(3) == 0, NoWindowScale: r.IntN(4) == 0, NoSACK: r.IntN(4) == 0, NoECN: r.IntN(4) == 0,
		Congestion:    builtins[r.IntN(len(builtins))],
		ChallengeACKs: NewChallengeLimiter(0, zeros{}),
	}
	if r.IntN(4) == 0 {
		e.cfg.R2 = 2*time.Minute + upTo(r, time.Hour)
	}
	if r.IntN(4) == 0 {
		e.cfg.TimeWait = time.Minute + upTo(r, 3*time.Minute)
	}
	if r.IntN(4) == 0 {
		e.cfg.QuickACKs = -1
	}
	e.cfg = e.cfg.WithDefaults()
	if r.IntN(4) == 0 && mss > 536 {
		mss = 536 + r.IntN(mss-536)
	}
	e.params = Params{TSOffset: tsOffset, MSS: mss, MaxSegment: r.IntN(2) * r.IntN(65536)}
	return e
}

// reading is what the end's clock shows.
func (e *end) reading() time.Time {
	d := e.w.now.Sub(pairEpoch)
	return pairEpoch.Add(d - d%e.clock)
}

// rings returns when a timer that is set to t goes off: at its next tick, and not
// before the clock shows t.
func (e *end) rings(t time.Time) time.Time {
	for _, tick := range []time.Duration{e.clock, e.timer} {
		if rest := t.Sub(pairEpoch) % tick; rest > 0 {
			t = t.Add(tick - rest)
		}
	}
	return t
}

// due returns when the end must be woken; zero if it need not.
func (e *end) due() (t time.Time) {
	if e.dark != alive {
		return t
	}
	if e.user != nil {
		if t = e.user.conn.Deadline(); !t.IsZero() {
			t = e.rings(t)
		}
	}
	if !e.retry.IsZero() && (t.IsZero() || e.retry.Before(t)) {
		t = e.retry
	}
	if e.tw != nil {
		if d := e.rings(e.tw.Deadline()); t.IsZero() || d.Before(t) {
			t = d
		}
	}
	return t
}

// wake does what is due.
func (e *end) wake() {
	if e.dark != alive {
		return
	}
	now := e.reading()
	if e.tw != nil && !e.tw.Deadline().After(now) {
		e.tw = nil
		e.w.tally["TIME-WAIT expired"]++
	}
	if u := e.user; u != nil {
		if d := u.conn.Deadline(); !d.IsZero() && !e.rings(d).After(e.w.now) {
			u.conn.Advance(now)
			u.fires()
			e.settle()
			if d := u.conn.Deadline(); e.user == u && !d.IsZero() && !d.After(now) {
				if e.stuck++; e.stuck > 3 {
					e.w.failf("end %d: the deadline stays in the past", e.id)
				}
			} else {
				e.stuck = 0
			}
		} else if e.unsettled || !e.retry.IsZero() && !e.retry.After(e.w.now) {
			e.settle()
		}
	}
}

// nextISS is RFC 6528's: a clock, and a number of the four-tuple. Where timestamps
// keep the connections apart, any number would do.
func (e *end) nextISS() Seq {
	if w := e.w; w.haunted && !w.ends[0].cfg.NoTimestamps && !w.ends[1].cfg.NoTimestamps {
		return Seq(e.isn).Add(w.random.IntN(200_000))
	}
	return Seq(e.isn + uint32(e.reading().Sub(pairEpoch).Microseconds()/4))
}

// attach gives the four-tuple to a connection of u.
func (e *end) attach(u *user, iss Seq) {
	e.params.ISS = iss
	u.conn.Init(&e.cfg, e.params)
	u.seen = seen{moved: e.w.now, heard: e.w.now, patience: min(e.cfg.R2, e.cfg.SynR2)}
	u.attached, e.user = true, u
	u.options()
}

// settle sends what is due, and takes a connection that is over out of the way.
func (e *end) settle() {
	e.output()
	u := e.user
	if u == nil {
		return
	}
	u.check()
	switch s := u.conn.State(); {
	case s == StateClosed && (!u.conn.Resetting() || e.w.chance(0.01)), s == StateListen && !u.stands:
		e.detach()
	case s == StateTimeWait && e.retry.IsZero():
		u.seen.timeWait = u.conn.TimeWait()
		if e.keepsWait {
			return
		}
		e.tw = &u.seen.timeWait
		e.detach()
	}
	if u.conn.State().synchronized() && e.waiting == u {
		e.waiting, e.tw = nil, nil // accepted: the four-tuple is no longer in TIME-WAIT
		if u.conn.State() == StateTimeWait && !e.keepsWait {
			e.tw = &u.seen.timeWait
		}
	}
}

func (e *end) detach() {
	e.user.attached, e.user, e.retry = false, nil, time.Time{}
}

// vanish takes the end away with all that it knows.
func (e *end) vanish() {
	e.dark = silent
	if e.w.random.IntN(2) == 0 {
		e.dark = rebooted
	}
	e.w.tally["an end vanished"]++
	for _, u := range e.w.users {
		if u.end == e {
			u.gone, u.vanished, u.attached = true, true, false
		} else if e.w.random.IntN(2) == 0 {
			u.impatient()
		}
	}
	e.user, e.waiting, e.tw, e.retry = nil, nil, nil, time.Time{}
}

// zeros is the secret of the limiter, which needs none here.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
