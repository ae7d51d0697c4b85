package wan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet/bench/internal/ends"
	"github.com/usernet-go/usernet/bench/internal/hop"
)

// segment is the text of a full packet: an MTU of 1500 without 20 bytes of IP and 32
// of TCP with timestamps, which all stacks send.
const segment = 1448

// An Entry is a stack with a congestion control.
type Entry struct {
	Stack     ends.Stack
	Algorithm string
}

func (e Entry) String() string { return e.Stack.Name + " " + e.Algorithm }

// A Transfer is what one connection did that sends for a while as much as it can.
type Transfer struct {
	Goodput  float64 // Mbit/s of text, from the end of the handshake on
	Resent   int     // segments, as the stack says
	Sent     int     // packets with text
	Seen     int     // of them, those that were sent again, as the hop saw
	Spurious int     // of Seen: those whose text arrived otherwise
	Wait     float64 // ms in the queue, the mean of all packets
	Dropped  int     // by the queue, full or managed
	ACKs     float64 // for each segment that arrived, in the second half
	Late     float64 // ms: 99 of 100 arrivals were not later than that
	Stall    float64 // ms: likewise 999 of 1000
}

// punctual says whether the hop delivered when it should have: a machine that has
// other things to do makes other paths.
func (t *Transfer) punctual() bool { return t.Late <= 1 && t.Stall <= 5 }

// transfer measures one connection.
func transfer(ctx context.Context, c *Cell, e Entry, seed uint64, d time.Duration) (t Transfer, err error) {
	w, err := join(c, seed, e)
	if err != nil {
		return t, err
	}
	defer w.close()
	f, err := w.flow(0)
	if err != nil {
		return t, err
	}
	defer f.close()
	f.start()
	if err := sleep(ctx, d/2); err != nil {
		return t, err
	}
	half := w.hop.Stats()
	if err := sleep(ctx, d-d/2); err != nil {
		return t, err
	}
	t.Goodput = mbits(f.read.Load(), d)
	s := w.hop.Stats()
	if t.Resent, err = f.resent(); err != nil {
		return t, err
	}
	if err := f.failed(); err != nil {
		return t, err
	}
	forth, back := &s.Ways[hop.Forth], &s.Ways[hop.Back]
	t.Sent, t.Seen, t.Spurious, t.Dropped = forth.Text, forth.Resent, forth.Spurious, forth.Overflow+forth.Managed
	t.Wait = ms(forth.Wait)
	t.ACKs = float64(back.ACKs-half.Ways[hop.Back].ACKs) / float64(max(1, forth.Arrived-half.Ways[hop.Forth].Arrived))
	t.Late, t.Stall = ms(s.Late.Quantile(0.99)), ms(s.Late.Quantile(0.999))
	return t, nil
}

// sleep sleeps, until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func mbits(bytes int64, d time.Duration) float64 { return float64(bytes) * 8 / d.Seconds() / mbit }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A world is a hop with its hosts, a pair for each entry.
type world struct {
	hop   *hop.Hop
	pairs []ends.Pair
}

func join(c *Cell, seed uint64, entries ...Entry) (w *world, err error) {
	w = new(world)
	if w.hop, err = hop.New(c.Path, c.back(), seed); err != nil {
		return nil, err
	}
	for _, e := range entries {
		p, err := e.Stack.Join(w.hop, e.Algorithm)
		if err != nil {
			w.close()
			return nil, fmt.Errorf("%v: %w", e, err)
		}
		w.pairs = append(w.pairs, p)
	}
	w.hop.Start()
	return w, nil
}

func (w *world) close() {
	w.hop.Close()
	for _, p := range w.pairs {
		p.Close()
	}
}

// A flow is a connection whose text goes forth.
type flow struct {
	sender   ends.Host
	from, to net.Conn
	opened   int // bytes that were sent to open it
	read     atomic.Int64
	running  sync.WaitGroup
	mu       sync.Mutex
	err      error // guarded by mu
}

// flow connects the hosts of a pair: the sender dials.
func (w *world) flow(pair int) (*flow, error) {
	p := w.pairs[pair]
	type accepted struct {
		c   net.Conn
		err error
	}
	incoming := make(chan accepted, 1)
	go func() {
		c, err := p.Host(1).Listener().Accept()
		incoming <- accepted{c, err}
	}()
	f := &flow{sender: p.Host(0)}
	var err error
	if f.from, err = f.sender.Dial(); err != nil {
		return nil, err
	}
	// The last segment of the handshake may be lost: text repairs that.
	f.opened, err = f.from.Write([]byte{0})
	if err == nil {
		select {
		case a := <-incoming:
			f.to, err = a.c, a.err
		case <-time.After(acceptPatience):
			err = errNothingAccepted
		}
	}
	if err != nil {
		f.from.Close()
		return nil, err
	}
	return f, nil
}

var errNothingAccepted = errors.New("the peer accepts nothing")

const acceptPatience = 30 * time.Second

// start has both ends busy, until close.
func (f *flow) start() {
	f.running.Go(func() {
		b := make([]byte, 128<<10)
		for {
			if _, err := f.from.Write(b); err != nil {
				f.fail(err)
				return
			}
		}
	})
	f.running.Go(func() {
		b := make([]byte, 256<<10)
		for {
			n, err := f.to.Read(b)
			f.read.Add(int64(n))
			if err != nil {
				f.fail(err)
				return
			}
		}
	})
}

// fail keeps the first error.
func (f *flow) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

// failed returns why the flow ended, if it has.
func (f *flow) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(f.err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return f.err
}

func (f *flow) resent() (int, error) { return f.sender.Resent(f.from) }

func (f *flow) close() {
	for _, c := range []net.Conn{f.from, f.to} {
		reset(c)
	}
	f.running.Wait()
}

// reset ends a connection at once, with what it still has to say.
func reset(c net.Conn) {
	if c == nil {
		return
	}
	if l, ok := c.(interface{ SetLinger(int) error }); ok {
		l.SetLinger(0)
	}
	c.Close()
}
