package usernet_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// bubble runs f on both ends of a connection, in virtual time, over each wire.
func bubble(t *testing.T, f func(t *testing.T, c, peer *usernet.TCPConn)) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newPair(t, usernet.Config{}, w.Config)
				c, peer := connect(t, a, b)
				f(t, c, peer)
			})
		})
	}
}

func TestBubbleReadWrite(t *testing.T) {
	bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
		want := randomBytes(8 << 20)
		go func() {
			if n, err := c.Write(want); n != len(want) || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(peer)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	})
}

func TestBubblePingPong(t *testing.T) {
	bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
		go io.Copy(peer, peer)
		start, b := time.Now(), make([]byte, 8)
		for i := range 1000 {
			b[0], b[7] = byte(i), byte(i>>8)
			want := bytes.Clone(b)
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
			clear(b)
			if !readFull(c, b) || !bytes.Equal(b, want) {
				t.Fatalf("round %d: read %x, want %x", i, b, want)
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("a wire without delay took %v: something waited for a timer", d)
		}
		c.CloseWrite()
	})
}

func TestBubbleDeadlines(t *testing.T) {
	t.Run("past", func(t *testing.T) {
		bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
			io.WriteString(peer, "is there, and must not be read")
			synctest.Wait()
			c.SetDeadline(time.Unix(1, 0))
			wantDeadline(t, c, 0)
		})
	})
	t.Run("present", func(t *testing.T) {
		bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
			c.SetDeadline(time.Now())
			wantDeadline(t, c, 0)
		})
	})
	t.Run("future", func(t *testing.T) {
		bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
			c.SetDeadline(time.Now().Add(time.Hour))
			wantDeadline(t, c, time.Hour)
			c.SetDeadline(time.Time{})
			go io.WriteString(peer, "x")
			if !readFull(c, make([]byte, 1)) {
				t.Error("a lifted deadline still holds")
			}
		})
	})
	t.Run("moved", func(t *testing.T) {
		bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
			start := time.Now()
			c.SetReadDeadline(start.Add(time.Hour))
			time.AfterFunc(time.Minute, func() { c.SetReadDeadline(start.Add(2 * time.Minute)) })
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Minute {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
			time.AfterFunc(time.Minute, func() { c.SetReadDeadline(time.Unix(1, 0)) })
			c.SetReadDeadline(time.Time{})
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 3*time.Minute {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		})
	})
}

// wantDeadline wants Read, and a Write that finds no room, to give up at once,
// d from now.
func wantDeadline(t *testing.T, c net.Conn, d time.Duration) {
	t.Helper()
	start := time.Now()
	n, err := c.Read(make([]byte, 99))
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %d, %v", n, err)
	}
	n, err = c.Write(make([]byte, 64<<20))
	if n == 64<<20 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %d, %v", n, err)
	}
	if got := time.Since(start); got != d {
		t.Errorf("the deadline came after %v, want %v", got, d)
	}
	if err, ok := err.(net.Error); !ok || !err.Timeout() {
		t.Errorf("no timeout: %v", err)
	}
}

func TestBubbleCloseWhileBlocked(t *testing.T) {
	bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, net.ErrClosed) {
					t.Errorf("Read: %d, %v", n, err)
				}
			})
			wg.Go(func() {
				if _, err := c.Write(make([]byte, 64<<20)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Write: %v", err)
				}
			})
		}
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	})
}

// Several readers and one writer: each byte is read once. Deadlines fly about.
func TestBubbleRacyReaders(t *testing.T) {
	bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
		const size = 256 << 10
		go func() {
			peer.Write(make([]byte, size))
			peer.Close()
		}()
		var wg sync.WaitGroup
		total := make(chan int, 10)
		for i := range cap(total) {
			wg.Go(func() {
				b, sum := make([]byte, 1000+i), 0
				for {
					n, err := c.Read(b)
					sum += n
					if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						total <- sum
						return
					}
					c.SetReadDeadline(time.Now().Add(time.Millisecond))
				}
			})
		}
		wg.Wait()
		sum := 0
		for range cap(total) {
			sum += <-total
		}
		if sum != size {
			t.Errorf("%d bytes were read, %d were written", sum, size)
		}
	})
}

// Concurrent Writes do not mix.
func TestBubbleWritesAreWhole(t *testing.T) {
	bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
		const writers, size = 4, 3 << 20 // each more than the send buffer
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() { c.Write(bytes.Repeat([]byte{byte('a' + i)}, size)) })
		}
		go func() { wg.Wait(); c.Close() }()
		got, _ := io.ReadAll(peer)
		if len(got) != writers*size {
			t.Fatalf("read %d bytes", len(got))
		}
		for i := 0; i < len(got); i += size {
			if bytes.Count(got[i:i+size], got[i:i+1]) != size {
				t.Errorf("write %d is mixed with another", i/size)
			}
		}
	})
}

func TestBubbleHalfClose(t *testing.T) {
	bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
		io.WriteString(c, "question")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(peer); string(got) != "question" || err != nil {
			t.Errorf("the peer read %q, %v", got, err)
		}
		time.Sleep(time.Hour) // half open for as long as one likes
		answer := randomBytes(5 << 20)
		go func() { peer.Write(answer); peer.Close() }()
		if got, err := io.ReadAll(c); !bytes.Equal(got, answer) || err != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Write: %v", err)
		}
	})
}

// An idle connection whose peer has vanished ends: keepalive is on by default,
// 15 s of silence and 9 probes 15 s apart, as with net.
func TestBubbleKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{})
		cut := &cutLink{Link: near}
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
		attach(t, a, cut, 1)
		attach(t, b, far, 2)
		for _, k := range []struct {
			set          func(c *usernet.TCPConn) error
			idle, probes time.Duration
		}{
			{func(c *usernet.TCPConn) error { return nil }, 15 * time.Second, 9 * 15 * time.Second},
			{func(c *usernet.TCPConn) error { return c.SetKeepAlivePeriod(time.Minute) }, time.Minute, 9 * 15 * time.Second},
			{func(c *usernet.TCPConn) error {
				return c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: 2 * time.Second, Count: 3})
			}, time.Second, 3 * 2 * time.Second},
			{func(c *usernet.TCPConn) error { return c.SetKeepAlive(false) }, 0, 0},
		} {
			c, _ := connect(t, a, b)
			if err := k.set(c); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			cut.cut.Store(true)
			start, want := time.Now(), syscall.ETIMEDOUT.Error()
			if k.idle == 0 {
				c.SetReadDeadline(start.Add(24 * time.Hour))
				k.idle, want = 24*time.Hour, "i/o timeout"
			}
			_, err := c.Read(make([]byte, 1))
			// The wire is cut at any time in the idle interval.
			if d := time.Since(start); err == nil || !strings.HasSuffix(err.Error(), want) || d < k.probes || d > k.idle+k.probes+time.Second {
				t.Errorf("after %v: %v; want %s after at most %v", d, err, want, k.idle+k.probes)
			}
			cut.cut.Store(false)
		}
	})
}

func TestBubbleUserTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{})
		cut := &cutLink{Link: near}
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
		attach(t, a, cut, 1)
		attach(t, b, far, 2)
		c, _ := connect(t, a, b)
		if err := c.SetUserTimeout(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		cut.cut.Store(true)
		start := time.Now()
		io.WriteString(c, "into the void")
		_, err := c.Read(make([]byte, 1))
		if d := time.Since(start); !errors.Is(err, syscall.ETIMEDOUT) || d < 10*time.Second || d > 13*time.Second {
			t.Errorf("after %v: %v", d, err)
		}
	})
}

// Stack.Close ends what is blocked and resets what is open.
func TestBubbleStackClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{}, pipe.Config{})
		c, peer := connect(t, a, b)
		l, _ := a.Listen("tcp", ":0")
		p, _ := a.ListenPacket("udp", ":0")
		var wg sync.WaitGroup
		for name, f := range map[string]func() error{
			"Read":     func() error { _, err := c.Read(make([]byte, 1)); return err },
			"Write":    func() error { _, err := c.Write(make([]byte, 64<<20)); return err },
			"Accept":   func() error { _, err := l.Accept(); return err },
			"ReadFrom": func() error { _, _, err := p.ReadFrom(make([]byte, 1)); return err },
		} {
			wg.Go(func() {
				if err := f(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Go(func() {
			if _, err := a.Dial("tcp", "10.0.0.99:7"); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Dial: %v", err)
			}
		})
		synctest.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		peer.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := io.Copy(io.Discard, peer); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer reads %v, want a reset", err)
		}
	})
}

// How much can be written while nobody reads is what the buffers hold.
func TestBubbleBuffers(t *testing.T) {
	bubble(t, func(t *testing.T, c, peer *usernet.TCPConn) {
		for _, err := range []error{c.SetWriteBuffer(8192), peer.SetReadBuffer(8192)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		c.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := c.Write(make([]byte, 4<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n < 8192 || n > 8192+65535+8192 {
			t.Errorf("Write: %d, %v, want both buffers and the window of the handshake at most", n, err)
		}
		c.SetWriteDeadline(time.Time{})
		go io.Copy(io.Discard, peer)
		if n, err := c.Write(make([]byte, 1<<20)); n != 1<<20 || err != nil {
			t.Errorf("Write to one who reads: %d, %v", n, err)
		}
		for _, err := range []error{c.SetWriteBuffer(-1), c.SetReadBuffer(-1)} {
			if !errors.Is(err, syscall.EINVAL) {
				t.Errorf("a negative buffer: %v, want EINVAL", err)
			}
		}
	})
}
