package load

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// deadPath dials connections whose other ends read nothing.
func deadPath(int) (net.Conn, error) {
	c, _ := net.Pipe()
	return c, nil
}

// A path that is dead keeps nothing longer than patience lasts.
func TestDeadPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := startFlood(2, deadPath)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := f.finish(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != patience {
			t.Errorf("bulk: %v after %v", err, time.Since(began))
		}

		v := new(visitor)
		ended := make(chan error)
		for _, want := range []time.Duration{patience, 0} {
			go func() { ended <- v.visit(deadPath, echoPort) }()
			synctest.Wait()
			began = time.Now()
			if want > 0 {
				v.hurry()
			}
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != want {
				t.Errorf("a visit: %v after %v", err, time.Since(began))
			}
		}
	})
}

// A deepConn takes more than ever arrives, until its end.
type deepConn struct {
	net.Conn
	sent atomic.Uint64
}

func (c *deepConn) Write(b []byte) (int, error) {
	time.Sleep(time.Millisecond)
	c.sent.Add(uint64(len(b)))
	return len(b), nil
}

func (c *deepConn) Read(b []byte) (int, error) {
	return copy(b, binary.BigEndian.AppendUint64(nil, c.sent.Load())), nil
}

func (c *deepConn) SetDeadline(time.Time) error { return nil }
func (c *deepConn) CloseWrite() error           { return nil }
func (c *deepConn) Close() error                { return nil }

// A slowPeer has read so much more each time it is asked.
type slowPeer struct {
	Peer
	arrived, more uint64
	err           error
}

func (p *slowPeer) Usage() (Usage, error) { return Usage{}, nil }

func (p *slowPeer) Arrived() (uint64, error) {
	p.arrived += p.more
	return p.arrived, p.err
}

// What counts is what arrives, not what buffers take.
func TestBulkCountsArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := func(int) (net.Conn, error) { return new(deepConn), nil }
		w := Work{Kind: Bulk, Conns: 2, Segment: 1000, Warmup: time.Second, Duration: 2 * time.Second}
		f, err := Run(t.Context(), w, dial, &slowPeer{more: 1e6})
		if err != nil || f[Gigabits] != 8e6/1e9/2 {
			t.Errorf("%v, %v", f, err)
		}
		lost := errors.New("lost")
		if _, err := Run(t.Context(), w, dial, &slowPeer{more: 1e6, err: lost}); err != lost {
			t.Errorf("%v", err)
		}
		if _, err := Run(t.Context(), w, dial, new(slowPeer)); err == nil {
			t.Error("nothing arrived, which is no error")
		}

		c, sink := net.Pipe()
		s := new(Server)
		go s.sink(sink)
		c.Write(make([]byte, 3*bufferSize+1))
		synctest.Wait()
		if n := s.Arrived(); n != 3*bufferSize+1 {
			t.Errorf("%d bytes have arrived", n)
		}
		c.Close()
	})
}
