package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
)

// An engine is a small simulation: two hosts on a wire that takes a millisecond and
// loses packets. It does one thing after the other, and lets the application go on in
// between.
type engine struct {
	mu     sync.Mutex
	now    time.Time
	timers []*engineTimer
	wakes  []func()
	ends   [2]*engineLink
	random *rand.Rand
	log    []string
	flying []flyingPacket // in the order of their arrival
}

type engineTimer struct {
	e  *engine
	at time.Time // zero: none
	f  func()
}

type flyingPacket struct {
	at time.Time
	to *engineLink
	b  []byte
}

// An engineLink is an end of the wire.
type engineLink struct {
	*testLink
	to      *engineLink
	receive func([]link.Packet)
}

func (e *engine) Now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *engine) AfterFunc(d time.Duration, f func()) Timer {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := &engineTimer{e: e, at: e.now.Add(d), f: f}
	e.timers = append(e.timers, t)
	return t
}

func (e *engine) Wake(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wakes = append(e.wakes, f)
}

func (t *engineTimer) Reset(d time.Duration) bool {
	t.e.mu.Lock()
	defer t.e.mu.Unlock()
	was := !t.at.IsZero()
	t.at = t.e.now.Add(d)
	return was
}

func (t *engineTimer) Stop() bool {
	t.e.mu.Lock()
	defer t.e.mu.Unlock()
	was := !t.at.IsZero()
	t.at = time.Time{}
	return was
}

// settle lets the application go on until it waits, and puts on the wire what was sent,
// in the order of flows: that in which goroutines ran is not to be seen.
func (e *engine) settle() {
	for {
		synctest.Wait()
		e.mu.Lock()
		wakes := e.wakes
		e.wakes = nil
		e.mu.Unlock()
		if len(wakes) == 0 {
			break
		}
		for _, f := range wakes {
			f()
		}
	}
	for _, end := range e.ends {
		sent := end.take()
		slices.SortStableFunc(sent, func(a, b sentPacket) int { return bytes.Compare(flowOf(a.frame), flowOf(b.frame)) })
		for _, p := range sent {
			lost := e.random.IntN(20) == 0
			e.log = append(e.log, fmt.Sprintf("%v lost=%v %x", e.now.UnixNano(), lost, p.frame))
			if !lost {
				e.flying = append(e.flying, flyingPacket{e.now.Add(time.Millisecond), end.to, p.frame})
			}
		}
	}
}

// flowOf returns what packets of one flow have in common, of others all.
func flowOf(frame []byte) []byte {
	if binary.BigEndian.Uint16(frame[12:]) == 0x0800 && frame[14+9] == 6 {
		return slices.Concat(frame[14+12:14+20], frame[34:38])
	}
	return frame
}

// step does the next thing; false if there is none before end.
func (e *engine) step(end time.Time) bool {
	e.settle()
	var next *engineTimer
	e.mu.Lock()
	for _, t := range e.timers {
		if !t.at.IsZero() && (next == nil || t.at.Before(next.at)) {
			next = t
		}
	}
	arrives := len(e.flying) > 0 && (next == nil || !next.at.Before(e.flying[0].at))
	at := end
	switch {
	case arrives:
		at = e.flying[0].at
	case next != nil:
		at = next.at
	}
	if !at.Before(end) {
		e.mu.Unlock()
		return false
	}
	if at.After(e.now) {
		e.now = at
	}
	if !arrives {
		next.at = time.Time{}
	}
	e.mu.Unlock()
	if !arrives {
		next.f()
		return true
	}
	p := e.flying[0]
	e.flying = e.flying[1:]
	p.to.receive([]link.Packet{{Data: [][]byte{p.b}}})
	return true
}

// A simulation repeats though goroutines drive its connections: which of them runs first
// is not to be seen, in what they send, nor in what the hosts do later.
func TestSimulationOfGoroutinesRepeats(t *testing.T) {
	const clients, size = 20, 20 << 10
	run := func() (log []string) {
		synctest.Test(t, func(t *testing.T) {
			e := &engine{now: time.Unix(1e9, 0), random: rand.New(rand.NewPCG(1, 2))}
			var hosts [2]*Host
			for i := range e.ends {
				e.ends[i] = &engineLink{testLink: newTestLink(link.Info{Medium: link.Ethernet})}
				e.ends[i].all = true
				h, err := New(Config{Clock: e, Rand: rand.NewChaCha8([32]byte{byte(i)})})
				if err != nil {
					t.Fatal(err)
				}
				a := netip.PrefixFrom([2]netip.Addr{host4, peer4}[i], 24)
				if err := h.Attach(e.ends[i], InterfaceConfig{Name: "eth0", Addrs: []netip.Prefix{a}}); err != nil {
					t.Fatal(err)
				}
				e.ends[i].receive = <-e.ends[i].deliver
				hosts[i] = h
			}
			e.ends[0].to, e.ends[1].to = e.ends[1], e.ends[0]
			l := listenTCP(t, hosts[1], "10.0.0.2:7")
			var app sync.WaitGroup
			app.Go(func() {
				for range clients {
					c, err := l.Accept()
					if err != nil {
						t.Error(err)
						return
					}
					app.Go(func() {
						if _, err := io.Copy(c, c); err != nil {
							t.Error(err)
						}
						c.Close()
					})
				}
			})
			for i := range clients {
				app.Go(func() {
					local := netip.AddrPortFrom(host4, uint16(40000+i))
					c, err := hosts[0].DialTCP(local, netip.AddrPortFrom(peer4, 7), TCPOptions{NoDelay: true})
					if err != nil {
						t.Error(err)
						return
					}
					<-c.Connected()
					if err := c.ConnectError(); err != nil {
						t.Error(err)
						return
					}
					app.Go(func() {
						for range size >> 10 {
							c.Write(make([]byte, 1<<10))
						}
						c.CloseWrite()
					})
					if b, err := io.ReadAll(c); err != nil || len(b) != size {
						t.Errorf("%d bytes, %v", len(b), err)
					}
					c.Close()
				})
			}
			for end := e.now.Add(5 * time.Minute); e.step(end); {
			}
			app.Wait()
			for _, h := range hosts {
				h.Close()
			}
			e.settle()
			log = e.log
		})
		return log
	}
	want := run()
	if len(want) < clients*size/1460 {
		t.Fatalf("%d packets", len(want))
	}
	for range 10 {
		got := run()
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("packet %d is\n%.200s, and was\n%.200s", i, got[i], want[i])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d packets, and there were %d", len(got), len(want))
		}
	}
}
