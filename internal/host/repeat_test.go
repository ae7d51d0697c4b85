package host

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// A recordingLink keeps what is sent, and when.
type recordingLink struct {
	link.Link
	mu   sync.Mutex
	sent []string
}

func (l *recordingLink) Send(batch []link.Packet) (int, error) {
	l.mu.Lock()
	for i := range batch {
		l.sent = append(l.sent, fmt.Sprintf("%d %x", time.Now().UnixNano(), slices.Concat(batch[i].Data...)))
	}
	l.mu.Unlock()
	return l.Link.Send(batch)
}

// With Config.Rand seeded, and the same calls at the same instants, a host sends the
// same packets in the same order each time: no order of a map shows in it.
func TestSimulationRepeats(t *testing.T) {
	run := func() (sent []string) {
		synctest.Test(t, func(t *testing.T) {
			la, lb := pipe.New(pipe.Config{})
			recording := &recordingLink{Link: la}
			a := newHostOn(t, recording, 1, hostNets)
			b := newHostOn(t, lb, 2, []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)})
			time.Sleep(5 * time.Second)
			l := listenTCP(t, b, "[::]:7")
			for i := range 50 {
				c := dialTCP(t, a, []string{"10.0.0.2:7", "[2001:db8::2]:7"}[i%2])
				w, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				if i%3 == 0 { // it waits for room, and asks whether there is some
					w.SetReadBuffer(1)
					c.SetWriteBuffer(1)
					c.Write(make([]byte, 2<<10))
				}
			}
			for i := range 4 { // these wait for Accept
				l := listenTCP(t, a, fmt.Sprintf("[::]:%d", 100+i))
				for range 3 {
					dialTCP(t, b, netip.AddrPortFrom(host4, l.Addr().Port()).String())
				}
			}
			for i := range 20 {
				u, err := a.ListenUDP(netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(1000+i)), FamilyAny)
				if err == nil {
					err = u.JoinGroup("eth0", netip.AddrFrom4([4]byte{239, 0, 0, byte(i)}))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			// Many are looked for at once.
			for i := range 20 {
				u, err := a.DialUDP(netip.AddrPort{}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(100 + i)}), 9))
				if err != nil {
					t.Fatal(err)
				}
				u.Write([]byte("x"))
			}
			time.Sleep(time.Minute)
			a.Close()
			sent = recording.sent
		})
		return sent
	}
	want := run()
	for range 20 {
		if got := run(); !slices.Equal(got, want) {
			for i := range got {
				if i >= len(want) || got[i] != want[i] {
					t.Fatalf("packet %d of %d is\n%s, and was\n%s", i, len(got), got[i], want[min(i, len(want)-1)])
				}
			}
			t.Fatalf("%d packets, and there were %d", len(got), len(want))
		}
	}
}

// What is due at one instant fires in an order of its own, whoever set it first.
func TestTimersOfOneInstantFireInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var conns []*TCPConn
	for i := range 100 {
		c := &TCPConn{key: makeFlowKey(netip.AddrPortFrom(host4, uint16(40000+i%10)), netip.AddrPortFrom(peer4, uint16(i)))}
		c.timer.owner = c
		conns = append(conns, c)
	}
	var want []*timer
	for range 20 {
		ts := newTimers()
		due := time.Now().Add(time.Hour)
		other := &timer{owner: timerFunc(func(time.Time) {})}
		at := random.IntN(len(conns))
		for k, i := range random.Perm(len(conns)) {
			if k == at {
				ts.set(other, due)
			}
			if i%5 == 0 {
				ts.set(&conns[i].timer, due.Add(-time.Minute)) // moved to later
			}
			ts.set(&conns[i].timer, due)
		}
		if got := ts.pop(due.Add(-time.Second)); got != nil {
			t.Fatal("fired too early")
		}
		if ts.pop(due) != other {
			t.Error("a connection's timer has fired first")
		}
		var got []*timer
		for n := ts.pop(due); n != nil; n = ts.pop(due) {
			got = append(got, n)
		}
		if want == nil {
			want = got
		}
		if len(got) != len(conns) || !slices.Equal(got, want) {
			t.Fatalf("%d timers, or another order", len(got))
		}
		ts.close()
	}
}

// Neighbours that are looked for from an address which has become unique are asked once
// more in the same order each time.
func TestAskAgainRepeats(t *testing.T) {
	now := time.Unix(1e9, 0)
	run := func() (asked []netip.Addr) {
		var c neighbourCache
		c.init(64, 0)
		for i := range 32 {
			c.Use(now, c.Get(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(i)})), host6)
		}
		for {
			if _, ok := c.Next(); !ok {
				break
			}
		}
		c.AskAgain(now, host6)
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			asked = append(asked, e.addr)
		}
		return asked
	}
	want := run()
	for range 20 {
		if got := run(); len(got) != 32 || !slices.Equal(got, want) {
			t.Fatalf("asked %v\nthen %v", want, got)
		}
	}
}

// A clock may call back on whatever goroutine it likes: Close waits for a callback that
// is under way, and one that comes afterwards does nothing.
func TestCloseWaitsForForeignAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &handClock{now: time.Unix(1e9, 0)}
		h, err := New(Config{Clock: clock, Rand: rand.NewChaCha8([32]byte{1})})
		if err != nil {
			t.Fatal(err)
		}
		began, goOn := make(chan struct{}), make(chan struct{})
		var ended bool
		n := &timer{owner: timerFunc(func(time.Time) { close(began); <-goOn; ended = true })}
		h.timers.set(n, clock.now.Add(time.Second))
		alarm := clock.alarm
		var engine sync.WaitGroup
		engine.Go(func() { clock.advance(time.Second) })
		<-began
		closed := make(chan bool)
		go func() { h.Close(); closed <- ended }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("Close has not waited for the callback")
		default:
		}
		close(goOn)
		if !<-closed {
			t.Error("Close has not waited for the callback's end")
		}
		engine.Wait()
		h.timers.set(&timer{owner: timerFunc(func(time.Time) { t.Error("fired after Close") })}, clock.now.Add(time.Second))
		clock.now = clock.now.Add(time.Minute)
		alarm.f()
	})
}
