package crosscheck

import (
	"io"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A longLink is a device with a path each way before it, whose chances are the same in
// each run. What arrives is delivered one by one, as from a wire that is slower than we
// are: so each segment may be acknowledged by itself.
type longLink struct {
	*link.Shaped              // what we send
	arrivals     *link.Shaped // what the kernel sends
	landing      landing

	// Text that we send is dropped when its number is in between, both included, counted
	// from when they were set.
	text, dropFrom, dropTo atomic.Int64
}

// landing is where what the kernel sends leaves the path.
type landing struct {
	link.Link
	deliver func([]link.Packet)
}

func (l *landing) Send(batch []link.Packet) (int, error) {
	for i := range batch {
		l.deliver(batch[i : i+1])
	}
	return len(batch), nil
}

func (l *landing) Close() error { return nil } // the device is closed on the other side

func (l *longLink) Receive(queue int, deliver func([]link.Packet)) error {
	l.landing.deliver = deliver
	return l.Shaped.Receive(queue, func(batch []link.Packet) { l.arrivals.Send(batch) })
}

func (l *longLink) Close() error {
	l.arrivals.Close()
	return l.Shaped.Close()
}

// picked counts text and picks that which dropText says.
func (l *longLink) picked(p link.Packet) bool {
	h, n, r := wire.ParseIPv4(p.Data[0], p.Len())
	if r != wire.OK || h.Protocol != wire.ProtocolTCP {
		return false
	}
	_, m, r := wire.ParseTCP(p.Data[0][n:], p.Len()-n)
	if r != wire.OK || n+m == p.Len() {
		return false
	}
	i := l.text.Add(1)
	return l.dropFrom.Load() <= i && i <= l.dropTo.Load()
}

// dropText drops some of the text that will be sent, counted from 1.
func (l *longLink) dropText(from, to int64) {
	l.dropTo.Store(0)
	l.text.Store(0)
	l.dropFrom.Store(from)
	l.dropTo.Store(to)
}

// longPath joins usernet to a namespace of its own by paths there and back, over which
// each segment is a packet.
func longPath(t *testing.T, there, back link.Path, config usernet.Config) (*usernet.Stack, *netns, *longLink) {
	t.Helper()
	needKernel(t, "ethtool")
	host := newNetns(t)
	// Every kernel has it, whatever it is configured for.
	host.sysctl("net/ipv4/tcp_congestion_control", "reno")
	l := new(longLink)
	device := host.open(t, device{mtu: 1500, single: true})
	l.landing.Link = device
	l.arrivals = link.Shape(&l.landing, link.ShapeConfig{Path: back, Seed: 2})
	l.Shaped = link.Shape(device, link.ShapeConfig{Path: there, Seed: 1, Drop: l.picked})
	s, err := usernet.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Attach(l, usernet.Interface{Name: nearDev, Addrs: []netip.Prefix{netip.MustParsePrefix(near4 + "/24")}}); err != nil {
		t.Fatal(err)
	}
	return s, host, l
}

// carry moves bytes and looks at each that arrives.
func carry(t *testing.T, what string, from io.Writer, to io.Reader, size int64) {
	t.Helper()
	began, got := time.Now(), newSink()
	move(t, from, io.TeeReader(to, got), size)
	got.wantSame(t, what, size, payloadSum(1, size))
	t.Logf("%s: %s", what, rate(size, began))
}

// stalls counts, until the test asks, how often this machine was not there for as long
// as a sender needs to believe that nothing answers any more: timers of a program that
// is not run are late, and what waits for it is not answered.
func stalls() (count func() int) {
	const tick, long = 5 * time.Millisecond, 100 * time.Millisecond // half of the least RTO at both ends
	quit, counted := make(chan struct{}), make(chan int)
	go func() {
		n, last := 0, time.Now()
		for {
			select {
			case <-quit:
				counted <- n
				return
			case <-time.After(tick):
			}
			if now := time.Now(); now.Sub(last) > long {
				n++
			}
			last = time.Now()
		}
	}()
	return func() int { close(quit); return <-counted }
}
