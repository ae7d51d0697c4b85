package load

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often some of many connections get their turn: each has one a second.
const tick = 10 * time.Millisecond

// many measures connections of which each exchanges a message a second.
func (w Work) many(ctx context.Context, dial Dial, peer Peer) (Figures, error) {
	conns := make([]net.Conn, w.Pairs)
	if err := w.open(ctx, dial, conns); err != nil {
		return nil, err
	}
	var (
		done     counted
		ended    sync.WaitGroup
		failed   atomic.Pointer[error]
		finished = make(chan struct{})
	)
	for _, c := range conns {
		ended.Go(func() {
			buf := make([]byte, w.Size)
			for {
				if _, err := io.ReadFull(c, buf); err != nil {
					select {
					case <-finished:
					default:
						failed.CompareAndSwap(nil, &err)
					}
					return
				}
				done.Add(1)
			}
		})
	}
	ended.Go(func() { w.turns(conns, finished, &failed) })
	figures, err := w.watch(ctx, peer, new(atomic.Bool), done.read, func(n uint64, took time.Duration, before, after Usage) Figures {
		x := Figures{PerSecond: float64(n) / took.Seconds()}
		x.per(float64(n), before, after)
		return x
	})
	close(finished)
	for _, c := range conns {
		c.Close()
	}
	ended.Wait()
	if e := failed.Load(); e != nil {
		return nil, *e
	}
	return figures, err
}

// turns writes on all connections, evenly over each second.
func (w Work) turns(conns []net.Conn, finished chan struct{}, failed *atomic.Pointer[error]) {
	buf := make([]byte, w.Size)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began, sent := time.Now(), 0
	for {
		select {
		case <-finished:
			return
		case <-ticker.C:
		}
		due := int(time.Since(began).Seconds() * float64(len(conns)))
		for ; sent < due; sent++ {
			if _, err := conns[sent%len(conns)].Write(buf); err != nil {
				select {
				case <-finished:
				default:
					failed.CompareAndSwap(nil, &err)
				}
				return
			}
		}
	}
}
