package load

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

const workers = 8

// each does something with each of n connections, by several workers. The error is one
// of those that there were.
func each(n int, do func(i int) error) error {
	var ended sync.WaitGroup
	failed := make(chan error, workers)
	for first := range workers {
		ended.Go(func() {
			for i := first; i < n; i += workers {
				if err := do(i); err != nil {
					failed <- fmt.Errorf("connection %d: %w", i+1, err)
					return
				}
			}
		})
	}
	ended.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// open dials all pairs, spread over the holding ports.
func (w Work) open(ctx context.Context, dial Dial, conns []net.Conn) error {
	return each(len(conns), func(i int) error {
		c, err := dial(holdPort + i%holdPorts)
		if err == nil {
			conns[i], err = c, ctx.Err()
		}
		return err
	})
}

// rest is what both sides have in use when all garbage is collected.
func rest(peer Peer, held int) (Usage, error) {
	other, err := peer.Rest(held)
	return ReadRest().Plus(other), err
}

// idle measures what connections that do nothing have in use. The first ones, which
// make what a stack makes but once, are not counted.
func (w Work) idle(ctx context.Context, dial Dial, peer Peer) (Figures, error) {
	first := w.Pairs / 10
	conns := make([]net.Conn, w.Pairs)
	var readers sync.WaitGroup
	add := func(some []net.Conn) error {
		if err := w.open(ctx, dial, some); err != nil {
			return err
		}
		for _, c := range some {
			if w.Blocked {
				readers.Go(func() {
					var b [1]byte
					c.Read(b[:])
				})
			}
		}
		return nil
	}
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
		readers.Wait()
	}()
	if err := add(conns[:first]); err != nil {
		return nil, err
	}
	before, err := rest(peer, first)
	if err != nil {
		return nil, err
	}
	slabs := kernelMemory()
	if err := add(conns[first:]); err != nil {
		return nil, err
	}
	after, err := rest(peer, w.Pairs)
	if err != nil {
		return nil, err
	}
	n := float64(2 * (w.Pairs - first))
	return Figures{
		Heap:       more(after.Heap, before.Heap) / n,
		Objects:    more(after.Objects, before.Objects) / n,
		Stacks:     more(after.Stack, before.Stack) / n,
		Goroutines: more(after.Goroutines, before.Goroutines) / n,
		Resident:   more(after.Resident, before.Resident) / n,
		Kernel:     more(kernelMemory(), slabs) / n,
	}, nil
}

// more returns how much a number has grown; negative, if it shrank.
func more(after, before uint64) float64 { return float64(int64(after - before)) }

// keep opens connections, keeps them while their keepalive probes go, and closes them.
func (w Work) keep(ctx context.Context, dial Dial, peer Peer) (Figures, error) {
	conns := make([]net.Conn, w.Pairs)
	began := time.Now()
	if err := w.open(ctx, dial, conns); err != nil {
		return nil, err
	}
	f := Figures{OpenTime: time.Since(began).Seconds()}
	if _, err := peer.Rest(w.Pairs); err != nil {
		return nil, err
	}
	before, err := usage(peer)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, w.Duration); err != nil {
		return nil, err
	}
	after, err := usage(peer)
	if err != nil {
		return nil, err
	}
	f[CPU] = float64((after.CPU - before.CPU).Microseconds()) / float64(2*w.Pairs)
	began = time.Now()
	err = each(len(conns), func(i int) error {
		// One that keepalive has given up is not there any more: its Write fails.
		if _, err := conns[i].Write([]byte{0}); err != nil {
			return fmt.Errorf("was lost: %w", err)
		}
		return conns[i].Close()
	})
	if err != nil {
		return nil, err
	}
	if err := peer.Release(); err != nil {
		return nil, err
	}
	f[CloseTime] = time.Since(began).Seconds()
	end, err := usage(peer)
	f[Peak] = float64(end.Peak) / (1 << 20)
	return f, err
}
