package tcp

import (
	"math/rand/v2"
	"time"
)

// user is an application at one end of one connection.
type user struct {
	end      *end
	peer     *user
	conn     Conn
	seen     seen
	attached bool // segments for the four-tuple go to conn
	dials    bool
	stands   bool // conn waits in LISTEN from the start

	noise                 int // where in the noise its stream begins
	total, wrote, read    int // bytes of the streams
	maxWrite, maxRead     int
	writePause, readPause time.Duration
	burst                 bool // reads all that is there, after a longer pause
	fiddles               bool // sets options again and again
	ending                ending
	after                 int           // bytes read and written, after which it aborts or stops to read
	abortAt               time.Time     // at the latest; zero: never
	linger                time.Duration // how long it lets Close take
	lingers               time.Time
	keepAlive             KeepAlive
	userTimeout           time.Duration
	noDelay               bool
	nextRead, nextWrite   time.Time
	since                 time.Time // of the last thing that it got done
	patience              time.Duration
	lent                  []byte // what it has written last, until that is kept
	gone, vanished        bool   // has closed; its end is no more
	eof, done, early      bool   // has read the end; has closed for writing; has closed before the end
}

// patient is a patience longer than anything that a machine waits for.
const patient = 8 * time.Hour

// ending is how a user closes.
type ending int

const (
	endHalf      ending = iota // closes the writing side, reads on to the end, closes
	endOrderly                 // closes when both have all
	endEarly                   // closes once all is written, whatever comes
	endLinger                  // likewise, and aborts if it takes too long
	endAbort                   // aborts at some point
	endCloseRead               // stops to read at some point, writes on
	endings
)

var endingNames = [endings]string{"half", "orderly", "early", "linger", "abort", "close read"}

func (e ending) String() string { return endingNames[e] }

// noise is what all streams are parts of. Its length is prime, so that no piece
// of a stream looks like one that was moved by a round number.
var noise = func() []byte {
	b := make([]byte, 65521)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(b); i++ {
		b[i] = byte(r.Uint32())
	}
	return append(b, b...)
}()

func newUser(e *end) *user {
	w, r := e.w, e.w.random
	u := &user{end: e, noise: r.IntN(65521), total: r.IntN(1 << (4 + r.IntN(16))), since: w.now,
		maxWrite: 1 + r.IntN(1<<(3+r.IntN(14))), maxRead: 1 + r.IntN(1<<(3+r.IntN(14))),
		burst: r.IntN(5) == 0, fiddles: r.IntN(3) == 0, noDelay: r.IntN(2) == 0, patience: patient}
	u.total = min(u.total, u.maxWrite*300)
	if r.IntN(3) == 0 {
		u.readPause = upTo(r, 3*time.Second)
	}
	if r.IntN(4) == 0 {
		u.writePause = upTo(r, 2*time.Second)
	}
	if r.IntN(8) == 0 {
		u.readPause, u.burst = upTo(r, 3*time.Minute), true
	}
	if r.IntN(3) == 0 {
		u.keepAlive = KeepAlive{Idle: time.Second + upTo(r, 10*time.Minute), Interval: time.Second + upTo(r, time.Minute), Count: 1 + r.IntN(9)}
	}
	if r.IntN(6) == 0 {
		u.userTimeout = 20*time.Second + upTo(r, 20*time.Minute)
	}
	switch x := r.IntN(20); {
	case x < 9:
		u.ending = endHalf
	case x < 14:
		u.ending = endOrderly
	default:
		u.ending = endEarly + ending(r.IntN(int(endings-endEarly)))
	}
	u.after = r.IntN(200_000)
	if u.ending == endAbort {
		u.abortAt = w.now.Add(upTo(r, 2*time.Minute))
	}
	u.linger = upTo(r, time.Minute)
	return u
}

// impatient makes the user give up by itself, as one does who waits for somebody
// that may not be there any more.
func (u *user) impatient() { u.patience = time.Minute + upTo(u.end.w.random, 2*time.Hour) }

// options sets what the user wants of a connection that was just made.
func (u *user) options() {
	now := u.end.reading()
	u.conn.SetNoDelay(now, u.noDelay)
	if u.keepAlive.Idle > 0 {
		u.seen.alive = u.keepAlive
		u.conn.SetKeepAlive(now, &u.seen.alive)
	}
	if u.userTimeout > 0 {
		u.conn.SetUserTimeout(now, u.userTimeout)
		u.seen.patience = min(u.seen.patience, u.userTimeout)
	}
}

func (u *user) dial() {
	e := u.end
	iss := e.nextISS()
	if e.tw != nil {
		iss = e.tw.ISS(iss)
		e.tw = nil
		e.w.tally["TIME-WAIT reused"]++
	}
	if e.user != nil { // in TIME-WAIT
		e.detach()
	}
	e.attach(u, iss)
	u.dials = true
	u.conn.OpenActive(e.reading())
	e.settle()
}

// listen makes the connection that accept would make only for a SYN.
func (u *user) listen() {
	if u.end.user != nil {
		return
	}
	u.stands = true
	u.end.attach(u, u.end.nextISS())
	u.conn.OpenPassive()
}

// connected says that the user has a connection to work with.
func (u *user) connected() bool { return u.dials || u.seen.established }

// over says that nothing is left of the connection but TIME-WAIT.
func (u *user) over() bool {
	if !u.connected() {
		// Nobody came. Who has begun to come, or has the four-tuple, is waited for.
		return (u.gone || u.peer.over()) && (!u.attached || u.conn.State() == StateListen)
	}
	return u.gone && (!u.attached || u.conn.State() == StateTimeWait)
}

// due returns when the user will do something without being asked; zero for when
// something has arrived, or was acknowledged.
func (u *user) due() (t time.Time) {
	if !u.connected() {
		return t
	}
	now := u.end.w.now
	soon := func(at time.Time) {
		if !at.After(now) {
			at = now.Add(time.Microsecond)
		}
		if t.IsZero() || at.Before(t) {
			t = at
		}
	}
	if u.gone {
		if !u.lingers.IsZero() {
			soon(u.lingers)
		}
		return t
	}
	soon(u.since.Add(u.patience))
	if !u.abortAt.IsZero() {
		soon(u.abortAt)
	}
	if !u.eof && u.conn.Readable() {
		soon(u.nextRead)
	}
	if u.wrote < u.total && u.conn.Writable() {
		soon(u.nextWrite)
	}
	return t
}
