package sim_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/usernet-go/usernet"
)

// plan starts the applications.
func (w *randomWorld) plan(r *rand.Rand) {
	for range 1 + r.IntN(7) {
		w.talk()
	}
	for _, x := range []struct {
		share float64
		start func(*randomWorld, *rand.Rand)
	}{
		{0.3, (*randomWorld).shorts}, {0.3, (*randomWorld).datagrams}, {0.3, (*randomWorld).pings},
		{0.2, (*randomWorld).refused}, {0.2, (*randomWorld).nobody}, {0.2, (*randomWorld).backlog},
	} {
		if chance(r, x.share) {
			x.start(w, r)
		}
	}
	w.disturb(r)
	w.watch()
}

// twoHosts returns two hosts, which are the same one now and then.
func (w *randomWorld) twoHosts(r *rand.Rand) (a, b *worldHost) {
	i := r.IntN(len(w.hosts))
	j := (i + 1 + r.IntN(len(w.hosts)-1)) % len(w.hosts)
	if chance(r, 0.05) {
		j = i
	}
	return w.hosts[i], w.hosts[j]
}

// excused says whether an error of an application may be, for what was done to its
// world or its hosts.
func (a *app) excused(hosts ...*worldHost) bool {
	for _, h := range hosts {
		if h.closed.Load() || h.readdress.Load() {
			return true
		}
	}
	return a.w.rough
}

// shorts makes many connections, one after the other, each for one question.
func (w *randomWorld) shorts(r *rand.Rand) {
	from, to := w.twoHosts(r)
	n, size := between(r, 3, 40), between(r, 1, 4000)
	const port = 7
	l, err := to.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		w.errorf("Listen: %v", err)
		return
	}
	w.note("shorts: %v to %v, %d times %d bytes", from, to, n, size)
	done := make(chan struct{})
	w.app("echo", func(a *app) {
		go func() {
			<-done
			l.Close()
		}()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(time.Hour))
			io.Copy(c, c)
			c.Close()
		}
	})
	w.app("shorts", func(a *app) {
		defer close(done)
		for i := range n {
			a.own()
			if err := a.short(from, to, port, i, size); err != nil && !a.excused(from, to) && !w.cuts && !w.tight {
				a.errorf("connection %d: %v", i, err)
				return
			}
			pause(span(a.rand, 0, time.Second))
		}
	})
}

func (a *app) short(from, to *worldHost, port, key, size int) error {
	c, err := from.DialTimeout("tcp", net.JoinHostPort(to.Name(), strconv.Itoa(port)), 10*time.Minute)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Minute))
	b := make([]byte, size)
	s := stream{key: key}
	s.Read(b)
	if _, err := c.Write(b); err != nil {
		return err
	}
	if err := c.(*usernet.TCPConn).CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	s = stream{key: key}
	if at := s.check(got); at >= 0 {
		a.errorf("byte %d of the answer is wrong", at)
	}
	if err == nil && len(got) != size {
		a.errorf("%d of %d bytes came back", len(got), size)
	}
	return err
}

// refused dials a port at which nobody listens.
func (w *randomWorld) refused(r *rand.Rand) {
	from, to := w.twoHosts(r)
	w.app("refused", func(a *app) {
		a.own()
		c, err := from.DialTimeout("tcp", net.JoinHostPort(to.Name(), "9"), 10*time.Minute)
		if err == nil {
			a.errorf("somebody listens at %v", c.RemoteAddr())
			c.Close()
		} else if !isOneOf(err, syscall.ECONNREFUSED) && !a.excused(from, to) && !w.cuts && !w.tight {
			a.errorf("dial: %v", err)
		}
	})
}

// nobody dials an address that no host has.
func (w *randomWorld) nobody(r *rand.Rand) {
	from, to := w.twoHosts(r)
	b := pick(r, to.Addrs()...).AsSlice()
	b[len(b)-1] = 200
	addr, _ := netip.AddrFromSlice(b)
	if chance(r, 0.3) {
		addr = pick(r, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"))
	}
	w.app("nobody", func(a *app) {
		a.own()
		c, err := from.DialTimeout("tcp", netip.AddrPortFrom(addr, 9).String(), 10*time.Minute)
		if err == nil {
			a.errorf("%v answers", addr)
			c.Close()
		} else if !isOneOf(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ETIMEDOUT) && !a.excused(from) && !w.tight {
			a.errorf("dial %v: %v", addr, err)
		}
	})
}

// backlog dials a listener that does not accept before its backlog is full.
func (w *randomWorld) backlog(r *rand.Rand) {
	from, to := w.twoHosts(r)
	n, late := 1+r.IntN(5), span(r, 0, time.Minute)
	never := chance(r, 0.3)
	lc := usernet.ListenConfig{Stack: to.Stack, Backlog: n}
	l, err := lc.Listen(context.Background(), "tcp", ":19")
	if err != nil {
		w.errorf("Listen: %v", err)
		return
	}
	w.note("backlog: %v to %v, %d, accepted after %v, never %v", from, to, n, late, never)
	served := make(chan struct{})
	w.app("backlog server", func(a *app) {
		defer close(served)
		defer l.Close()
		pause(late)
		if never {
			return
		}
		l.(*usernet.TCPListener).SetDeadline(time.Now().Add(30 * time.Minute))
		for range n + 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "x")
			c.Close()
		}
	})
	for i := range n + 2 {
		w.app("backlog client", func(a *app) {
			a.own()
			c, err := from.DialTimeout("tcp", net.JoinHostPort(to.Name(), "19"), 20*time.Minute)
			fails := never || w.tight || w.cuts || a.excused(from, to)
			if err != nil {
				if !fails {
					a.errorf("dial %d: %v", i, err)
				}
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Hour))
			if got, err := io.ReadAll(c); string(got) != "x" && !fails && !isOneOf(err, syscall.ECONNRESET) && !(from.silent && isOneOf(err, os.ErrDeadlineExceeded)) {
				// A reset is for a connection that seemed half-open to the server, when
				// another SYN took its place (RFC 4987, 3.4); or it was lost.
				a.errorf("read %q, %v", got, err)
			}
			<-served
		})
	}
}
