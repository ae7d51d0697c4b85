package sim_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// A randomWorld is all that follows from one seed.
//
// Most worlds are calm: what they lose, TCP makes good, so that each application must
// do what it has planned. In a rough one it may fail, by an error that fits.
type randomWorld struct {
	t    *testing.T
	seed uint64
	sim  *sim.World

	rough bool // hardly anything is certain
	cuts  bool // paths are cut for a while: dials may fail, and succeed later
	tight bool // hosts have but a few connections: likewise
	clean bool // nothing is lost or out of order, all paths take the same: all is done in good time
	mtu   int  // of all paths of a clean world
	// The one cable that corrupts packets. Two flipped bits can escape TCP's checksum.
	corrupts int
	delay    time.Duration // of all cables, one after the other
	ticks    time.Duration // of all clocks

	hosts  []*worldHost
	cables []*sim.Cable

	apps  sync.WaitGroup
	names int // of applications so far
	talks []*talk
	start time.Time
	ended chan struct{} // closed when all applications are done

	mu    sync.Mutex
	notes []string // what there is, for the report of a failure
}

// A worldHost is a host, and what was done to it.
type worldHost struct {
	*sim.Host
	receive   int // largest receive buffer of a connection, in bytes
	send      int
	maxConns  int  // 0: not bounded
	silent    bool // sends no keepalives, or none soon
	timeWait  time.Duration
	closed    atomic.Bool // in the middle of everything
	readdress atomic.Bool // an address was taken away
}

// Bounds of what may take virtual time.
const (
	calmLimit  = 4 * time.Hour  // for the applications of a calm world
	roughLimit = 48 * time.Hour // likewise
	// After the last Close a connection waits for acknowledgments for R2 of RFC 9293,
	// which is 15 min here, and a little more.
	lingerLimit = time.Hour
)

func newRandomWorld(t *testing.T, seed uint64) *randomWorld {
	w := &randomWorld{t: t, seed: seed, ended: make(chan struct{})}
	w.sim = sim.New(sim.Config{Seed: seed, T: t})
	w.start = time.Now()
	r := w.draw("world")
	w.rough = chance(r, 0.35)
	w.cuts = w.rough || chance(r, 0.3)
	w.tight = chance(r, 0.15)
	w.clean = !w.cuts && !w.tight && chance(r, 0.4)
	w.corrupts = r.IntN(8)
	w.mtu = 1280 + r.IntN(7721)
	w.note("rough %v, cuts %v, tight %v, clean %v", w.rough, w.cuts, w.tight, w.clean)
	w.build(w.draw("topology"))
	return w
}

// run has the applications do what they do, and looks at what is left then.
func (w *randomWorld) run() {
	w.plan(w.draw("plan"))
	limit := calmLimit
	if w.rough {
		limit = roughLimit
	}
	go func() {
		w.apps.Wait()
		close(w.ended)
	}()
	select {
	case <-w.ended:
		for _, k := range w.talks {
			k.judge()
		}
		w.summarize()
		w.aftermath()
	case <-time.After(limit):
		w.errorf("after %v applications still wait:%s", limit, w.connections())
	}
	if err := w.sim.Close(); err != nil {
		w.errorf("Close: %v", err)
	}
	for _, h := range w.hosts {
		if left := h.Connections(); len(left) > 0 {
			w.errorf("%v has after Close: %v", h, left)
		}
	}
	<-w.ended // what was blocked is not any more
}

// app starts an application. It begins at an instant of its own, so that two of one
// host do not ask for ports at the same one.
func (w *randomWorld) app(name string, f func(a *app)) {
	w.names++
	a := &app{w: w, name: fmt.Sprintf("%s %d", name, w.names), number: w.names}
	a.rand = w.draw(a.name)
	w.apps.Go(func() {
		pause(span(a.rand, 0, 5*time.Second))
		f(a)
	})
}

// An app is an application, or a part of one.
type app struct {
	w      *randomWorld
	name   string
	number int
	rand   *rand.Rand // its goroutine's
}

// own waits for an instant that is no other application's.
func (a *app) own() { pause(time.Duration(a.number) * time.Microsecond) }

func (a *app) errorf(format string, args ...any) {
	a.w.errorf("%s: %s", a.name, fmt.Sprintf(format, args...))
}

// draw returns the random numbers of something that has a name.
func (w *randomWorld) draw(name string) *rand.Rand {
	return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "world %d %s", w.seed, name))))
}

func (w *randomWorld) errorf(format string, args ...any) {
	w.t.Errorf("%v: %s", time.Since(w.start), fmt.Sprintf(format, args...))
}

func (w *randomWorld) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, fmt.Sprintf("%v: %s", time.Since(w.start), fmt.Sprintf(format, args...)))
}

// summarize logs what has happened.
func (w *randomWorld) summarize() {
	opened, cleanly, bytes := 0, 0, 0
	for _, k := range w.talks {
		for _, e := range []*end{&k.client, &k.server} {
			bytes += e.got
			if e.opened {
				opened++
			}
			if e.sawEOF {
				cleanly++
			}
		}
	}
	var packets uint64
	for _, c := range w.cables {
		there, back := c.Stats()
		packets += there.Sent + back.Sent
	}
	w.t.Logf("rough %v, %d hosts, %d cables; %d talks: %d ends opened, %d read all of %d bytes; %d packets on cables in %v",
		w.rough, len(w.hosts), len(w.cables), len(w.talks), opened, cleanly, bytes, packets, time.Since(w.start))
}

// describe logs what the world was like.
func (w *randomWorld) describe() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Logf("world %d:\n%s", w.seed, strings.Join(w.notes, "\n"))
}

// connections returns those of all hosts, as ss shows them.
func (w *randomWorld) connections() string {
	var b strings.Builder
	for _, h := range w.hosts {
		for _, c := range h.Connections() {
			fmt.Fprintf(&b, "\n%v: %v", h, c)
		}
	}
	return b.String()
}

func chance(r *rand.Rand, share float64) bool { return r.Float64() < share }

// between returns a number from lo to hi, small ones as likely as large ones.
func between[T ~int | ~int64](r *rand.Rand, lo, hi T) T {
	x := math.Exp(math.Log(float64(lo)) + r.Float64()*(math.Log(float64(hi))-math.Log(float64(lo))))
	return min(hi, max(lo, T(x)))
}

// span returns a duration from lo to hi; its nanoseconds are even.
func span(r *rand.Rand, lo, hi time.Duration) time.Duration {
	return (lo + time.Duration(r.Int64N(int64(hi-lo)+1))) &^ 1
}

// pause sleeps, if there is something to sleep.
func pause(d time.Duration) {
	if d > 0 {
		time.Sleep(d)
	}
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }
