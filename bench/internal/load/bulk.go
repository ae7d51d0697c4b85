package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A stream is a connection that sends as fast as it can.
type stream struct {
	conn    net.Conn
	written uint64
	stop    *atomic.Bool
	failed  error
}

// A flood is some streams.
type flood struct {
	streams []*stream
	stop    atomic.Bool
	ended   sync.WaitGroup
}

func startFlood(n int, dial Dial) (*flood, error) {
	f := new(flood)
	for range n {
		c, err := dial(sinkPort)
		if err != nil {
			f.finish()
			return nil, err
		}
		s := &stream{conn: c, stop: &f.stop}
		f.streams = append(f.streams, s)
		f.ended.Go(s.run)
	}
	return f, nil
}

func (s *stream) run() {
	defer s.conn.Close()
	buf := make([]byte, bufferSize)
	for !s.stop.Load() {
		n, err := s.conn.Write(buf)
		s.written += uint64(n)
		if err != nil {
			s.failed = err
			return
		}
	}
	s.failed = s.settle()
}

// settle ends the stream and compares what has arrived.
func (s *stream) settle() error {
	s.conn.SetDeadline(time.Now().Add(patience))
	if err := s.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	var count [8]byte
	if _, err := io.ReadFull(s.conn, count[:]); err != nil {
		return fmt.Errorf("the count of what arrived: %w", err)
	}
	if got, sent := binary.BigEndian.Uint64(count[:]), s.written; got != sent {
		return fmt.Errorf("%d bytes were sent, %d arrived", sent, got)
	}
	return nil
}

// finish stops all streams and says what went wrong with one. A Write that waits for a
// path which is dead ends, too.
func (f *flood) finish() error {
	f.stop.Store(true)
	for _, s := range f.streams {
		s.conn.SetDeadline(time.Now().Add(patience))
	}
	f.ended.Wait()
	for _, s := range f.streams {
		if s.failed != nil {
			return s.failed
		}
	}
	return nil
}

// bulk measures what arrives between two instants, both after the warm-up. What is
// written would count what the buffers grow by, too: many MiB.
func (w Work) bulk(ctx context.Context, dial Dial, peer Peer) (Figures, error) {
	f, err := startFlood(w.Conns, dial)
	if err != nil {
		return nil, err
	}
	figures, err := w.watch(ctx, peer, new(atomic.Bool), peer.Arrived, func(n uint64, took time.Duration, before, after Usage) Figures {
		x := Figures{Gigabits: float64(n) * 8 / 1e9 / took.Seconds()}
		x.per(float64(n)/float64(w.Segment), before, after)
		x[CPU] *= (1 << 20) / float64(w.Segment)
		return x
	})
	if e := f.finish(); e != nil {
		return nil, e
	}
	return figures, err
}

// watch reads a counter and what is used after the warm-up and after the duration. It
// begins by setting a flag, and lasts longer if nothing is done for so long.
func (w Work) watch(ctx context.Context, peer Peer, measuring *atomic.Bool, counter func() (uint64, error),
	figures func(n uint64, took time.Duration, before, after Usage) Figures) (Figures, error) {
	if err := sleep(ctx, w.Warmup); err != nil {
		return nil, err
	}
	before, err := usage(peer)
	if err != nil {
		return nil, err
	}
	measuring.Store(true)
	first, err := counter()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	n, took := uint64(0), time.Duration(0)
	for n == 0 && took < patience {
		if err := sleep(ctx, w.Duration); err != nil {
			return nil, err
		}
		last, err := counter()
		if err != nil {
			return nil, err
		}
		n, took = last-first, time.Since(began)
	}
	after, err := usage(peer)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("nothing was done in %v", took)
	}
	return figures(n, took, before, after), nil
}
