package host

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link/pipe"
)

// A reader whose deadlines pass while text is put into his buffer misses nothing, and
// finds nothing there that Read has not told of.
func TestReadWithDeadlinesMissesNothing(t *testing.T) {
	for _, config := range media {
		synctest.Test(t, func(t *testing.T) {
			a, b := pairOfHosts(t, config, Config{})
			c, peer := tcpPair(t, a, b, "10.0.0.2:7")
			text := make([]byte, 1<<20)
			for i := range text {
				text[i] = byte(i>>8 ^ i)
			}
			go func() {
				r := rand.New(rand.NewPCG(1, 1))
				for left := text; len(left) > 0; {
					n := min(len(left), 1+r.IntN(40_000))
					c.Write(left[:n])
					left = left[n:]
					time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
				}
				c.CloseWrite()
			}()
			r, passed := rand.New(rand.NewPCG(2, 2)), 0
			var got []byte
			for {
				buf := make([]byte, 1+r.IntN(60_000))
				peer.SetReadDeadline(time.Now().Add(time.Duration(r.IntN(3)) * time.Millisecond))
				n, err := peer.Read(buf)
				got = append(got, buf[:n]...)
				if bytes.Count(buf[n:], []byte{0}) != len(buf)-n {
					t.Fatal("the buffer has more than was read")
				}
				if err == io.EOF {
					break
				} else if errors.Is(err, ErrDeadline) {
					passed++
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, text) || passed < 20 {
				t.Errorf("%+v: read %d bytes of %d, which are right: %v; %d deadlines passed", config, len(got), len(text), bytes.Equal(got, text), passed)
			}
		})
	}
}

// Of many who read at once each byte reaches one, and each sees his in order; Close
// ends all.
func TestManyReadOneConnection(t *testing.T) {
	a, b := newPair(t, pipe.Config{GSO: true})
	c, peer := tcpPair(t, a, b, "10.0.0.2:7")
	const marks = 20_000
	var mu sync.Mutex
	seen, all := make([]bool, marks), make(chan struct{})
	left := marks
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			buf := make([]byte, 4)
			for {
				n, err := peer.Read(buf)
				if err != nil {
					if err != ErrClosed {
						t.Error(err)
					}
					return
				}
				if n != len(buf) {
					t.Errorf("%d bytes", n)
					return
				}
				i := int(buf[0]) | int(buf[1])<<8 | int(buf[2])<<16
				mu.Lock()
				if i >= marks || seen[i] || buf[3] != byte(i*7) {
					t.Errorf("mark % x, twice or wrong", buf)
					mu.Unlock()
					return
				}
				seen[i] = true
				if left--; left == 0 {
					close(all)
				}
				mu.Unlock()
			}
		})
	}
	var text []byte
	for i := range marks {
		text = append(text, byte(i), byte(i>>8), byte(i>>16), byte(i*7))
	}
	for r := rand.New(rand.NewPCG(1, 1)); len(text) > 0; {
		n := min(len(text), 4*(1+r.IntN(100)))
		if _, err := c.Write(text[:n]); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	select {
	case <-all:
	case <-time.After(30 * time.Second):
		t.Error("some marks were not read")
	}
	peer.Close()
	readers.Wait()
}
