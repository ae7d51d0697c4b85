package load

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A counted number is written by one goroutine and read by another.
type counted struct{ atomic.Uint64 }

// read is watch's counter.
func (c *counted) read() (uint64, error) { return c.Load(), nil }

// pingPong measures exchanges on one connection, after the warm-up. Beside bulk, the
// processor's time says nothing of exchanges: it is left out.
func (w Work) pingPong(ctx context.Context, dial Dial, peer Peer) (Figures, error) {
	f, err := startFlood(w.Beside, dial)
	if err != nil {
		return nil, err
	}
	p := &player{size: w.Size}
	figures, err := p.play(ctx, w, dial, peer)
	if e := f.finish(); e != nil && err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	if w.Beside > 0 {
		delete(figures, CPU)
		delete(figures, Allocs)
		delete(figures, AllocBytes)
	}
	return figures, nil
}

// A player exchanges messages until it is stopped.
type player struct {
	size    int
	done    counted
	stop    atomic.Bool
	measure atomic.Bool // durations count
	times   histogram   // the player's, until it has ended
}

func (p *player) play(ctx context.Context, w Work, dial Dial, peer Peer) (Figures, error) {
	c, err := dial(echoPort)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ended := make(chan error, 1)
	go func() { ended <- p.run(c) }()
	figures, err := w.watch(ctx, peer, &p.measure, p.done.read, func(n uint64, took time.Duration, before, after Usage) Figures {
		x := Figures{PerSecond: float64(n) / took.Seconds()}
		x.per(float64(n), before, after)
		return x
	})
	p.stop.Store(true)
	c.SetDeadline(time.Now().Add(patience))
	if e := <-ended; e != nil {
		return nil, e
	}
	if err == nil {
		figures[P50], figures[P99] = p.times.quantile(0.5), p.times.quantile(0.99)
	}
	return figures, err
}

func (p *player) run(c net.Conn) error {
	buf := make([]byte, p.size)
	last := time.Now()
	for !p.stop.Load() {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
		now := time.Now()
		if p.measure.Load() {
			p.times.add(now.Sub(last))
		}
		last = now
		p.done.Add(1)
	}
	return nil
}

// connect measures connections that are dialled, exchange a byte and are closed, by the
// client first: its ports are in TIME-WAIT afterwards.
func (w Work) connect(ctx context.Context, dial Dial, peer Peer) (Figures, error) {
	var (
		done    counted
		stop    atomic.Bool
		measure atomic.Bool
		ended   sync.WaitGroup
		times   = make([]histogram, w.Conns)
		failed  = make(chan error, w.Conns)
		guests  = make([]visitor, w.Conns)
	)
	// A device that has just come up may lose the first packet, and a SYN costs a second.
	first := new(visitor)
	first.hurry()
	if err := first.visit(dial, echoPort); err != nil {
		return nil, err
	}
	for i := range w.Conns {
		ended.Go(func() {
			for !stop.Load() {
				began := time.Now()
				if err := guests[i].visit(dial, echoPort+i%echoPorts); err != nil {
					failed <- err
					return
				}
				if measure.Load() {
					times[i].add(time.Since(began))
				}
				done.Add(1)
			}
		})
	}
	figures, err := w.watch(ctx, peer, &measure, done.read, func(n uint64, took time.Duration, before, after Usage) Figures {
		x := Figures{PerSecond: float64(n) / took.Seconds()}
		x.per(float64(n), before, after)
		return x
	})
	stop.Store(true)
	for i := range guests {
		guests[i].hurry()
	}
	ended.Wait()
	select {
	case err = <-failed:
	default:
	}
	if err != nil {
		return nil, err
	}
	for i := range times[1:] {
		times[0].merge(&times[i+1])
	}
	figures[P50], figures[P99] = times[0].quantile(0.5), times[0].quantile(0.99)
	return figures, nil
}

// A visitor has one connection at a time. It gets a deadline when the work ends: one
// for each connection would be a part of what is measured.
type visitor struct {
	mu    sync.Mutex
	conn  net.Conn
	until time.Time

	buf [1]byte // what it says and hears
}

// hurry leaves the connection, and all later ones, so much time.
func (v *visitor) hurry() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.until = time.Now().Add(patience)
	if v.conn != nil {
		v.conn.SetDeadline(v.until)
	}
}

func (v *visitor) begin(c net.Conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conn = c
	if !v.until.IsZero() {
		c.SetDeadline(v.until)
	}
}

// visit is one connection's life.
func (v *visitor) visit(dial Dial, port int) error {
	c, err := dial(port)
	if err != nil {
		return err
	}
	defer c.Close()
	v.begin(c)
	if _, err := c.Write(v.buf[:]); err != nil {
		return err
	}
	_, err = io.ReadFull(c, v.buf[:])
	return err
}
