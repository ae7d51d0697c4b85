package wan

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/bench/internal/ends"
	"github.com/usernet-go/usernet/bench/internal/hop"
	"github.com/usernet-go/usernet/sim"
)

// In virtual time usernet over a hop does what it does over package sim: the hop is
// that emulator, and what real time adds is the machine's part.
func TestMethod(t *testing.T) {
	const d = 4 * time.Second
	for _, x := range []struct {
		cell   string
		seeds  uint64
		within float64 // of sim's goodput; seeds do not lose the same packets in both
	}{
		{"10M/1ms/0%", 1, 0.01},
		{"10M/20ms/0%", 1, 0.01},
		{"10M/100ms/0%", 1, 0.02},
		{"10M/40ms/q0.1", 1, 0.02},
		{"10M/20ms/3%", 4, 0.25},
	} {
		c := named(x.cell)
		overSim, overHop := 0.0, 0.0
		for seed := range x.seeds {
			overSim += simulated(t, &c, "reno", seed+1, d)
			overHop += hopped(t, &c, "reno", seed+1, d)
		}
		t.Logf("%s: %.3f Mbit/s over sim, %.3f over the hop", c.Name, overSim/float64(x.seeds), overHop/float64(x.seeds))
		if ratio := overHop / overSim; ratio < 1-x.within || ratio > 1+x.within {
			t.Errorf("%s: over the hop %.3f of sim's goodput, want 1 by %v", c.Name, ratio, x.within)
		}
	}
}

// hopped measures over a hop in virtual time.
func hopped(t *testing.T, c *Cell, algorithm string, seed uint64, d time.Duration) (goodput float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		usernet, err := ends.Find(ends.Usernet)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{hop: hop.NewInBubble(c.Path, c.back(), seed)}
		defer w.close()
		p, err := usernet.Join(w.hop, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		w.pairs = append(w.pairs, p)
		w.hop.Start()
		goodput = measured(t, w, d)
	})
	return goodput
}

// simulated measures over package sim.
func simulated(t *testing.T, c *Cell, algorithm string, seed uint64, d time.Duration) (goodput float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := sim.New(sim.Config{Seed: seed, Stack: ends.UsernetConfig(algorithm)})
		defer s.Close()
		p, back := c.Path, c.back()
		a, b := s.Host("a"), s.Host("b")
		s.Connect(a, b, sim.Path{
			Rate: p.Rate, Queue: p.Queue, Loss: p.Loss, Delay: p.Delay,
			Back: &sim.Path{Rate: back.Rate, Delay: back.Delay},
		})
		ln, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		pair := simPair{{a, nil}, {b, ln}}
		goodput = measured(t, &world{pairs: []ends.Pair{pair}}, d)
	})
	return goodput
}

// simPair is two hosts of a simulation.
type simPair [2]simHost

func (p simPair) Host(i int) ends.Host { return p[i] }
func (p simPair) Close()               {}

type simHost struct {
	*sim.Host
	listener net.Listener
}

func (h simHost) Listener() net.Listener       { return h.listener }
func (h simHost) Dial() (net.Conn, error)      { return h.Host.Dial("tcp", "b:7") }
func (h simHost) Resent(net.Conn) (int, error) { return 0, nil }

func measured(t *testing.T, w *world, d time.Duration) float64 {
	t.Helper()
	f, err := w.flow(0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	f.start()
	time.Sleep(d)
	if err := f.failed(); err != nil {
		t.Error(err)
	}
	return mbits(f.read.Load(), d)
}
