package sim

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/tcp"
)

// download has the client read size bytes over a path of 20 Mbit/s and 40 ms that has
// CoDel, and returns how long that took, what the server's end tells of it, and what the
// path did.
func download(t *testing.T, ecn, offer bool, size int64) (took time.Duration, server, client tcp.Info, stats PathStats) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{T: t, Seed: 3})
		a, b := w.HostWith("client", HostConfig{Stack: usernet.Config{NoECN: !offer}}), w.Host("server")
		p := Path{Rate: 20 * Mbps, Delay: 20 * time.Millisecond, Queue: 400_000, CoDel: true, ECN: ecn}
		cable := w.Connect(a, b, p)
		ln, err := b.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan tcp.Info, 1)
		go func() {
			c, err := ln.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.Write(make([]byte, size))
			c.(*usernet.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
			done <- c.(*usernet.TCPConn).Info()
		}()
		c, err := a.Dial("tcp", "server:80")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if n, err := io.Copy(io.Discard, c); n != size || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
		took = time.Since(began)
		client = c.(*usernet.TCPConn).Info()
		c.Close()
		server = <-done
		_, stats = cable.Stats()
	})
	return took, server, client, stats
}

// A queue that marks instead of dropping: nothing is lost and nothing is sent again, and
// what arrives in a time is no less.
func TestECNOverCoDel(t *testing.T) {
	const size = 6 << 20
	dropTook, _, _, dropped := download(t, false, true, size)
	if dropped.Managed == 0 {
		t.Fatalf("CoDel drops nothing: %+v", dropped)
	}
	took, server, client, stats := download(t, true, true, size)
	t.Logf("dropping %v, %d dropped; marking %v, %d marked, %d reductions", dropTook, dropped.Managed, took, stats.Marked, server.ECNReductions)
	if server.ECN != tcp.ECNAccurate || client.ECN != tcp.ECNAccurate {
		t.Errorf("modes %v and %v, want %v", client.ECN, server.ECN, tcp.ECNAccurate)
	}
	if stats.Marked == 0 || stats.Managed != 0 || stats.Lost != 0 {
		t.Errorf("%+v: want marks, and nothing dropped", stats)
	}
	if server.Resent != 0 || server.ECNReductions == 0 || server.ECNReductions > stats.Marked {
		t.Errorf("%d segments sent again, %d reductions for %d marks", server.Resent, server.ECNReductions, stats.Marked)
	}
	if client.ReceivedCE != stats.Marked || server.DeliveredCE != stats.Marked {
		t.Errorf("%d packets were marked; the receiver has counted %d, the sender %d", stats.Marked, client.ReceivedCE, server.DeliveredCE)
	}
	if took > dropTook*21/20 {
		t.Errorf("%v with marks, %v with drops", took, dropTook)
	}
	if _, server, client, stats := download(t, true, false, size/4); stats.Marked != 0 || server.ECN != tcp.ECNNone || client.ECN != tcp.ECNNone {
		t.Errorf("NoECN: %d marked, modes %v and %v", stats.Marked, client.ECN, server.ECN)
	}
}
