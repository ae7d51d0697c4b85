package usernet_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// Thousands of connections are opened, kept alive for longer than a silent peer is
// given, and closed: a small form of bench compare's million.
func TestBubbleManyIdle(t *testing.T) {
	pairs := 20_000
	if raceEnabled {
		pairs = 2_000
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{}, pipe.Config{})
		l, err := b.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		var ends [2][]net.Conn
		for range pairs {
			c, err := a.Dial("tcp", "10.0.0.2:7")
			if err != nil {
				t.Fatal(err)
			}
			d, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			ends[0], ends[1] = append(ends[0], c), append(ends[1], d)
		}
		before := a.Stats().SegmentsIn
		// Who has not answered 9 probes, one every 15 s, is given up after 150 s.
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		for _, s := range []*usernet.Stack{a, b} {
			if n := s.Stats().Connections; n != pairs {
				t.Errorf("%d connections are left of %d", n, pairs)
			}
		}
		// Of the two ends one is enough to probe, and the other answers: 12 times.
		if n := a.Stats().SegmentsIn - before; n < uint64(10*pairs) {
			t.Errorf("%d segments in 3 minutes for %d connections: they are not probed", n, pairs)
		}
		var buf [1]byte
		for i, c := range ends[0] {
			if _, err := c.Write(buf[:]); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			if _, err := ends[1][i].Read(buf[:]); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			c.Close()
			ends[1][i].Close()
		}
		if n := a.Stats().TimeWait; n != pairs {
			t.Errorf("%d connections are in TIME-WAIT, want %d", n, pairs)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantNoConnections(t, a, b)
		if n := a.Stats().TimeWait; n != 0 {
			t.Errorf("%d connections are in TIME-WAIT after its time", n)
		}
	})
}
