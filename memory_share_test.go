package usernet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// New connections are refused before old ones suffer, and taken again when there is
// room.
func TestBubbleMemoryRefusesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1 << 20
		near, far := pipe.New(pipe.Config{MTU: 1500})
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{MemoryLimit: limit})
		attach(t, a, near, 1)
		attach(t, b, far, 2)
		l, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		var all []net.Conn
		for {
			c, err := a.DialTimeout("tcp", "10.0.0.2:7", 10*time.Second)
			if err != nil {
				break
			}
			peer, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c, peer)
		}
		st := b.Stats()
		if st.Drops["TCP no memory for a connection"] == 0 || len(all) < 2*150 || st.MemoryUsed > limit {
			t.Fatalf("%d connections, %+v", len(all)/2, st)
		}
		if _, err := b.Dial("tcp", "10.0.0.1:9"); !errors.Is(err, syscall.ENOBUFS) {
			t.Errorf("dial without memory: %v", err)
		}
		for i := 0; i < len(all); i += 2 {
			if err := sendAndReceiveBetween(all[i], all[i+1], 3000); err != nil {
				t.Fatalf("connection %d: %v", i/2, err)
			}
		}
		all[0].Close()
		all[1].Close()
		time.Sleep(2 * time.Minute)
		if _, err := a.Dial("tcp", "10.0.0.2:7"); err != nil {
			t.Errorf("when one was closed: %v", err)
		}
	})
}

// However many writers and their peers, who do not read, take all they can get and keep
// it: an old connection, which has nothing, goes on.
func TestBubbleStalledHoldersLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{MTU: 1500})
		a, b := newStack(t, usernet.Config{MemoryLimit: 8 << 20}), newStack(t, usernet.Config{MemoryLimit: 8 << 20})
		attach(t, a, near, 1)
		attach(t, b, far, 2)
		c, peer := connect(t, a, b)
		for stalled := range 300 {
			if stalled%50 == 0 {
				began := time.Now()
				if err := sendAndReceiveBetween(c, peer, 1<<20); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("beside %d that are stalled a MiB takes %v", stalled, took)
				}
			}
			out, in := connect(t, a, b)
			out.SetWriteBuffer(4 << 20)
			in.SetReadBuffer(4 << 20)
			out.SetWriteDeadline(time.Now().Add(time.Second))
			if _, err := out.Write(make([]byte, 8<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		}
	})
}

// sendAndReceiveBetween carries n bytes from c to peer.
func sendAndReceiveBetween(c, peer net.Conn, n int) error {
	done := make(chan error, 1)
	go func() { _, err := c.Write(make([]byte, n)); done <- err }()
	if _, err := io.ReadFull(peer, make([]byte, n)); err != nil {
		return err
	}
	return <-done
}

// A writer that waits for memory, which a stalled connection has, goes on when that is
// given back, though its own peer does not read.
func TestBubbleWriterIsWokenByMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{MTU: 1500})
		a, b := newStack(t, usernet.Config{MemoryLimit: 1 << 20}), newStack(t, usernet.Config{ReceiveBuffer: 4 << 10})
		attach(t, a, near, 1)
		attach(t, b, far, 2)
		c, _ := connect(t, a, b)
		c.SetWriteBuffer(256 << 10)
		var hogs []net.Conn
		for range 12 {
			c, _ := connect(t, a, b)
			c.SetWriteBuffer(1 << 20)
			c.SetWriteDeadline(time.Now().Add(time.Second))
			c.Write(make([]byte, 1<<20))
			hogs = append(hogs, c)
		}
		var done bool
		go func() {
			if _, err := c.Write(make([]byte, 60<<10)); err != nil {
				t.Error(err)
			}
			done = true
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		if done {
			t.Fatal("the writer found memory: this shows nothing")
		}
		for _, h := range hogs {
			h.(*usernet.TCPConn).SetLinger(0)
			h.Close()
		}
		synctest.Wait()
		if !done {
			t.Errorf("the writer still waits: %+v", a.Stats())
		}
	})
}

// Random limits and traffic: every transfer ends, with every byte, and the limits hold.
func TestBubbleMemoryLiveness(t *testing.T) {
	seeds := 12
	if raceEnabled || testing.Short() {
		seeds = 3
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { memoryWorld(t, rand.New(rand.NewPCG(seed, 6))) })
		})
	}
}

func memoryWorld(t *testing.T, r *rand.Rand) {
	near, far := pipe.New(pipe.Config{MTU: 576 + r.IntN(8000), GSO: r.IntN(2) == 0})
	config := func() usernet.Config {
		return usernet.Config{MemoryLimit: 1<<20 + r.IntN(2<<20), ReceiveBuffer: 2048 << r.IntN(18)}
	}
	a, b := newStack(t, config()), newStack(t, config())
	lossy := &lossyLink{Link: near, every: int32(5 + r.IntN(60))}
	attach(t, a, lossy, 1)
	attach(t, b, far, 2)
	var wg sync.WaitGroup
	var ends [][2]*usernet.TCPConn
	for range 20 + r.IntN(80) {
		c, peer := connect(t, a, b)
		ends = append(ends, [2]*usernet.TCPConn{c, peer})
	}
	for i, pair := range ends {
		c, peer := pair[0], pair[1]
		if r.IntN(2) == 0 {
			c, peer = peer, c
		}
		size, pause := 1+r.IntN(1<<(8+r.IntN(11))), time.Duration(r.IntN(60))*time.Second
		chunk := 1 + r.IntN(1<<r.IntN(17))
		wg.Go(func() {
			buf := stream(i, 0, size)
			for len(buf) > 0 {
				k := min(len(buf), chunk)
				if _, err := c.Write(buf[:k]); err != nil {
					t.Error(err)
					return
				}
				buf = buf[k:]
			}
			c.CloseWrite()
		})
		wg.Go(func() {
			time.Sleep(pause)
			got, err := io.ReadAll(peer)
			if err != nil || !bytes.Equal(got, stream(i, 0, size)) {
				t.Errorf("connection %d: %d of %d bytes, %v", i, len(got), size, err)
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Second):
			for _, s := range []*usernet.Stack{a, b} {
				if st := s.Stats(); st.MemoryUsed > st.MemoryLimit {
					t.Fatalf("%d bytes are in use of %d", st.MemoryUsed, st.MemoryLimit)
				}
			}
		}
	}
}

// lossyLink loses one packet of so many that it is given.
type lossyLink struct {
	link.Link
	every int32
	n     atomic.Int32
}

func (l *lossyLink) Send(batch []link.Packet) (int, error) {
	for i := range batch {
		if l.n.Add(1)%l.every == 0 {
			continue
		}
		if n, err := l.Link.Send(batch[i : i+1]); err != nil || n == 0 {
			return i, err
		}
	}
	return len(batch), nil
}
