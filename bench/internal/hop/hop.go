package hop

import (
	"runtime"
	"sync"
	"time"

	"github.com/usernet-go/usernet/link"
)

// A Way is a direction.
type Way int

const (
	Forth Way = iota
	Back
)

// Other returns the other way.
func (w Way) Other() Way { return 1 - w }

// A Receiver gets the packets that arrive at a stack in memory, on the hop's
// thread. They are lent for the call.
type Receiver func(packets [][]byte)

// A Hop carries packets between pairs of hosts: see New.
type Hop struct {
	waiter  waiter
	pairs   [][2]host // fixed from Start on; [Forth] is where what goes forth starts
	started bool
	grain   time.Duration
	done    chan struct{}

	mu     sync.Mutex
	ways   [2]*way   // guarded by mu, as are the fields below
	air    air       // what is on its way
	armed  time.Time // until when the thread sleeps, unless woken; zero while it does not
	asleep bool
	closed bool
	drop   func(Segment) bool
	late   Histogram
}

// A host is a stack in memory, or the descriptor of a TUN device.
type host struct {
	receive Receiver
	fd      int // when receive is nil
}

// coarsest bounds how long the thread, once it sleeps, lets what has arrived wait for
// company, as interfaces do that interrupt their host less often than for each packet:
// two packets of 1500 bytes at 100 Mbit/s, and at most a fortieth of the round trip.
// Waking for each one took 1.6 times as much of the machine.
const coarsest = 250 * time.Microsecond

// New returns a hop over two paths. The seed decides all that happens by chance.
func New(forth, back link.Path, seed uint64) (*Hop, error) {
	w, err := newWaiter()
	if err != nil {
		return nil, err
	}
	return newHop(forth, back, seed, w), nil
}

// NewInBubble is New for testing/synctest, where time is virtual: its hop waits with
// timers of Go, carries for stacks in memory only, and is never late.
func NewInBubble(forth, back link.Path, seed uint64) *Hop {
	h := newHop(forth, back, seed, newTimerWaiter())
	h.grain = 0
	return h
}

func newHop(forth, back link.Path, seed uint64, w waiter) *Hop {
	h := &Hop{waiter: w, done: make(chan struct{}), grain: min(coarsest, (forth.Delay+back.Delay)/40)}
	h.ways = [2]*way{newWay(forth, 2*seed), newWay(back, 2*seed+1)}
	return h
}

// AddPorts adds a pair of stacks in memory, before Start, and returns its number.
func (h *Hop) AddPorts(a, b Receiver) (pair int) {
	h.pairs = append(h.pairs, [2]host{{receive: a}, {receive: b}})
	return len(h.pairs) - 1
}

// AddDevices adds a pair of TUN devices, before Start: descriptors of packets
// without anything before them, non-blocking. They are read and written until Close
// has returned.
func (h *Hop) AddDevices(a, b int) {
	h.pairs = append(h.pairs, [2]host{{fd: a}, {fd: b}})
	h.waiter.watch(a)
	h.waiter.watch(b)
}

// Start lets packets flow.
func (h *Hop) Start() {
	h.started = true
	go h.run()
}

// Close ends the hop, and returns when nothing is read, written or delivered any
// more. It must not be called by a Receiver.
func (h *Hop) Close() {
	h.mu.Lock()
	again := h.closed
	h.closed = true
	h.mu.Unlock()
	if again || !h.started {
		return
	}
	h.waiter.wake()
	<-h.done
	h.waiter.close()
}

// Restart makes the paths new, with another seed: what was on them vanishes, and
// counting begins anew.
func (h *Hop) Restart(seed uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ways = [2]*way{newWay(h.ways[Forth].path, 2*seed), newWay(h.ways[Back].path, 2*seed+1)}
	h.air.clear()
	h.late = Histogram{}
}

// DropIf has those packets forth vanish of which drop says so, beside what the path
// does; nil: none.
func (h *Hop) DropIf(drop func(Segment) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop = drop
}

// Send puts a packet of a stack in memory on its way. It is copied.
func (h *Hop) Send(pair int, w Way, pieces ...[]byte) {
	h.mu.Lock()
	hurry := h.send(time.Now(), pair, w, pieces...)
	h.mu.Unlock()
	if hurry {
		h.waiter.wake()
	}
}

// send says whether the thread has to be woken.
func (h *Hop) send(now time.Time, pair int, w Way, pieces ...[]byte) (hurry bool) {
	if h.closed {
		return false
	}
	p := h.air.pack(pieces)
	p.pair, p.way, p.since = pair, w, now
	seg, ok := parse(p.data)
	if !ok {
		h.air.reuse(p)
		return false
	}
	h.ways[w].carry(h, p, seg)
	if !h.asleep {
		return false
	}
	next, ok := h.next()
	return ok && (h.armed.IsZero() || next.Before(h.armed))
}

// next says when something is to be done.
func (h *Hop) next() (time.Time, bool) {
	next, ok := h.air.next()
	for _, w := range h.ways {
		if at := w.carrier.Deadline(); !at.IsZero() && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	return next, ok
}

// maxBatch bounds the packets that are read, or delivered, in one go.
const maxBatch = 32

func (h *Hop) run() {
	defer close(h.done)
	runtime.LockOSThread() // and never unlocked: the thread, whose timers are finer than others', ends here
	h.waiter.begin()
	buffer := make([]byte, 64<<10)
	var landed []*packet
	var batch [][]byte
	for {
		h.read(buffer)
		var wait time.Duration
		var ok bool
		if landed, wait, ok = h.due(landed[:0]); !ok {
			return
		}
		if len(landed) == 0 {
			h.waiter.wait(wait)
			h.mu.Lock()
			h.asleep = false
			h.mu.Unlock()
			continue
		}
		batch = h.deliver(landed, batch)
	}
}

// read takes what devices have sent.
func (h *Hop) read(buffer []byte) {
	for pair := range h.pairs {
		for w := range h.pairs[pair] {
			if x := &h.pairs[pair][w]; x.receive == nil {
				for range maxBatch {
					n := readDevice(x.fd, buffer)
					if n <= 0 {
						break
					}
					h.mu.Lock()
					h.send(time.Now(), pair, Way(w), buffer[:n])
					h.mu.Unlock()
				}
			}
		}
	}
}

// due takes off the path what has arrived. When there is none, it says for how long
// to wait; less than 0: for others. It returns false after Close.
func (h *Hop) due(landed []*packet) ([]*packet, time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, 0, false
	}
	now := time.Now()
	for _, w := range h.ways {
		w.release(h, now)
	}
	for len(landed) < maxBatch {
		p := h.air.land(now)
		if p == nil {
			break
		}
		h.late.Add(now.Sub(p.at))
		landed = append(landed, p)
	}
	if len(landed) > 0 {
		return landed, 0, true
	}
	h.asleep, h.armed = true, time.Time{}
	next, ok := h.next()
	if !ok {
		return nil, -1, true
	}
	h.armed = next.Add(h.grain)
	return nil, max(0, h.armed.Sub(now)), true
}

// deliver hands over what has landed, in batches for one host.
func (h *Hop) deliver(landed []*packet, batch [][]byte) [][]byte {
	for i := 0; i < len(landed); {
		first := landed[i]
		batch = batch[:0]
		for ; i < len(landed) && landed[i].pair == first.pair && landed[i].way == first.way; i++ {
			batch = append(batch, landed[i].data)
		}
		to := h.pairs[first.pair][first.way.Other()]
		if to.receive != nil {
			to.receive(batch)
			continue
		}
		for _, p := range batch {
			writeDevice(to.fd, p)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range landed {
		h.air.reuse(p)
	}
	return batch
}
