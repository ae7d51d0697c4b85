package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/usernet-go/usernet"
)

// A talk is one TCP connection, with a plan for each end.
type talk struct {
	w              *randomWorld
	port           int
	client, server end
	network        string
	address        string // to dial
	byName         bool   // of all addresses of the server
	timeout        time.Duration
	late           time.Duration // Accept comes so much later
	dials          int           // attempts
	dialErr        error         // of the last one
	listenErr      error
	accepted       bool
	losers         int           // connections on which nothing came
	over           chan struct{} // closed when the client is done
}

// talk plans a talk between two hosts.
func (w *randomWorld) talk() {
	number := len(w.talks)
	r := w.draw(fmt.Sprintf("talk %d", number))
	k := &talk{w: w, port: 1000 + number, over: make(chan struct{}), timeout: 10 * time.Minute}
	from, to := w.twoHosts(r)
	k.network = "tcp"
	switch addrs := to.Addrs(); r.IntN(4) {
	case 0:
		k.address, k.byName = to.Name(), true
	case 1:
		k.address, k.byName = to.Name(), len(addrs) > 2
		k.network = pick(r, "tcp4", "tcp6")
	default:
		k.address = pick(r, addrs...).String()
	}
	if chance(r, 0.2) {
		k.late = span(r, 0, time.Minute)
	}
	k.client.init(k, "client", from, &k.server, w.planEnd(r))
	k.server.init(k, "server", to, &k.client, w.planEnd(r))
	k.client.plan.total = max(1, k.client.plan.total) // tells its connection from others of the dial
	w.talks = append(w.talks, k)
	w.note("talk %d: %v to %v at %s %s, accept after %v\n client %+v\n server %+v", number, from, to, k.network, k.address, k.late, k.client.plan, k.server.plan)
	ready := make(chan struct{}) // the server listens
	w.app(fmt.Sprintf("talk %d server", number), func(a *app) {
		k.server.app = a
		k.serve(a, ready)
	})
	w.app(fmt.Sprintf("talk %d client", number), func(a *app) {
		k.client.app = a
		<-ready
		a.own()
		k.dial()
		close(k.over)
	})
}

func (k *talk) serve(a *app, ready chan struct{}) {
	a.own()
	l, err := k.server.host.Listen("tcp", ":"+strconv.Itoa(k.port))
	close(ready)
	if err != nil {
		k.listenErr = err
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		// What was not accepted by then will not be, and is reset.
		<-k.over
		pause(time.Hour)
		l.Close()
	})
	defer wg.Wait()
	pause(k.late)
	for {
		c, err := l.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				a.errorf("Accept: %v", err)
			}
			return
		}
		if k.server.run(c.(*usernet.TCPConn)) {
			k.accepted = true
			return
		}
		k.losers++
	}
}

// dial connects, if need be after some attempts, and follows the client's plan.
func (k *talk) dial() {
	for k.dials < 30 {
		k.dials++
		ctx, cancel := context.WithTimeout(context.Background(), k.timeout)
		d := usernet.Dialer{Stack: k.client.host.Stack}
		c, err := d.DialContext(ctx, k.network, net.JoinHostPort(k.address, strconv.Itoa(k.port)))
		cancel()
		k.dialErr = err
		if err == nil {
			k.client.run(c.(*usernet.TCPConn))
			return
		}
		w := k.w
		if !w.rough && !w.cuts && !w.tight || errors.Is(err, net.ErrClosed) {
			return
		}
		k.client.app.own()
		pause(10 * time.Second)
	}
}

// stream is what one end of a talk sends: which, from what offset on.
type stream struct{ key, offset int }

var streamText = func() (b [1 << 16]byte) {
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223 // Numerical Recipes
		b[i] = byte(x >> 24)
	}
	return b
}()

// Read returns what comes next.
func (s *stream) Read(b []byte) (int, error) {
	const period = 65521 // prime: no power of two hides an offset that is wrong
	for n := 0; n < len(b); {
		at := (s.offset + s.key*7919) % period
		k := copy(b[n:], streamText[at:period])
		s.offset, n = s.offset+k, n+k
	}
	return len(b), nil
}

// check compares b with what comes next, and says where they differ; -1: nowhere.
func (s *stream) check(b []byte) int {
	var want [4096]byte
	for done := 0; done < len(b); {
		n, _ := s.Read(want[:min(len(want), len(b)-done)])
		if string(want[:n]) != string(b[done:done+n]) {
			for i := range n {
				if want[i] != b[done+i] {
					return s.offset - n + i
				}
			}
		}
		done += n
	}
	return -1
}

var _ io.Reader = (*stream)(nil)
