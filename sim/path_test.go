package sim_test

import (
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/sim"
)

// Each property of a path that package link can model is one of sim.Path too.
func TestPathHasAllOfModel(t *testing.T) {
	own := reflect.TypeFor[sim.Path]()
	for model := range reflect.TypeFor[link.Path]().Fields() {
		field, ok := own.FieldByName(model.Name)
		if !ok || field.Type != model.Type {
			t.Errorf("link.Path.%s %v is not in sim.Path", model.Name, model.Type)
		}
	}
}

// echo is a UDP service at port 7.
func echo(t *testing.T, h *sim.Host) {
	t.Helper()
	c, err := h.ListenPacket("udp", ":7")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			c.WriteTo(b[:n], from)
		}
	}()
}

// dialUDP returns a socket of h that is connected to port 7 of the server.
func dialUDP(t *testing.T, h *sim.Host) net.Conn {
	t.Helper()
	c, err := h.Dial("udp", "server:7")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pingPong sends n bytes and returns how long the answer took; 0 if it did not come
// within a second.
func pingPong(t *testing.T, c net.Conn, n int) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := c.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(start.Add(time.Second))
	if m, err := c.Read(make([]byte, 64<<10)); err == nil && m != n {
		t.Fatalf("%d bytes came back as %d", n, m)
	} else if err != nil {
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatal(err)
		}
		return 0
	}
	return time.Since(start).Round(time.Microsecond)
}

// pair connects a client to a server with a UDP echo.
func pair(t *testing.T, w *sim.World, path sim.Path) (c net.Conn, p *sim.Cable) {
	t.Helper()
	client, server := w.Host("client"), w.Host("server")
	p = w.Connect(client, server, path)
	echo(t, server)
	return dialUDP(t, client), p
}

func TestPathTimes(t *testing.T) {
	const headers = 20 + 8 // IPv4, which RFC 6724 prefers to addresses of RFC 4193; UDP
	for _, c := range []struct {
		name string
		path sim.Path
		want time.Duration
	}{
		{"nothing", sim.Path{}, 0},
		{"delay", sim.Path{Delay: 30 * time.Millisecond}, 60 * time.Millisecond},
		{"two delays", sim.Path{Delay: 30 * time.Millisecond, Back: &sim.Path{Delay: 10 * time.Millisecond}}, 40 * time.Millisecond},
		{"rate", sim.Path{Rate: sim.Mbps}, 2 * 8 * (1000 + headers) * time.Microsecond},
		{"modem", sim.Path{Rate: 8 * sim.Kbps, Back: &sim.Path{Rate: 16 * sim.Kbps}, Delay: time.Millisecond}, time.Millisecond + (1000+headers)*1500*time.Microsecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, w *sim.World) {
				conn, _ := pair(t, w, c.path)
				conn.SetDeadline(time.Time{})
				start := time.Now()
				conn.Write(make([]byte, 1000))
				if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(start).Round(time.Microsecond); got != c.want {
					t.Errorf("a round trip of %v; want %v", got, c.want)
				}
			})
		})
	}
}

// What happens by chance happens as often as it should, and is counted.
func TestPathChances(t *testing.T) {
	const rounds = 1000
	for _, c := range []struct {
		name  string
		path  sim.Path
		count func(s sim.PathStats) uint64
		share float64
	}{
		{"loss", sim.Path{Loss: 0.1}, func(s sim.PathStats) uint64 { return s.Lost }, 0.1},
		{"bursts", sim.Path{Loss: 0.2, Burst: 4}, func(s sim.PathStats) uint64 { return s.Lost }, 0.2},
		{"duplicates", sim.Path{Duplicate: 0.1}, func(s sim.PathStats) uint64 { return s.Duplicated }, 0.1},
		{"corruption", sim.Path{Corrupt: 0.1}, func(s sim.PathStats) uint64 { return s.Corrupted }, 0.1},
		{"reordering", sim.Path{Reorder: 0.1, ReorderDelay: time.Millisecond}, func(s sim.PathStats) uint64 { return s.Reordered }, 0.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, w *sim.World) {
				path := c.path
				path.Back = &sim.Path{}
				conn, p := pair(t, w, path)
				for range rounds {
					conn.Write([]byte("x"))
					time.Sleep(10 * time.Millisecond)
				}
				there, _ := p.Stats()
				if there.Sent != rounds {
					t.Errorf("%d packets were sent; want %d", there.Sent, rounds)
				}
				if got := float64(c.count(there)) / rounds; got < c.share*0.7 || got > c.share*1.3 {
					t.Errorf("a share of %v; want about %v", got, c.share)
				}
				if want := there.Sent - there.Lost + there.Duplicated; there.Arrived != want {
					t.Errorf("%d packets arrived; want %d", there.Arrived, want)
				}
			})
		})
	}
}

// A path that is cut loses what is sent and what is under way, and nothing once it
// is whole again.
func TestCut(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		c, p := pair(t, w, sim.Path{Delay: 100 * time.Millisecond})
		if pingPong(t, c, 1) == 0 {
			t.Fatal("no answer")
		}
		p.Cut()
		p.Cut()
		if pingPong(t, c, 1) != 0 {
			t.Error("an answer through a cut path")
		}
		p.Heal()
		if d := pingPong(t, c, 1); d != 200*time.Millisecond {
			t.Errorf("a healed path takes %v", d)
		}
		// Under way, there and back; and sent before a cut that is over when it would arrive.
		for _, after := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond} {
			go func() {
				time.Sleep(after)
				p.Cut()
				time.Sleep(time.Millisecond)
				p.Heal()
			}()
			if pingPong(t, c, 1) != 0 {
				t.Errorf("an answer, though the path was cut after %v", after)
			}
		}
		there, back := p.Stats()
		if there.Cut != 2 || back.Cut != 1 || there.Sent != there.Arrived+there.Cut || back.Sent != back.Arrived+back.Cut {
			t.Errorf("counters: %+v, %+v", there, back)
		}
	})
}

// A new path is for what is sent from then on.
func TestSet(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		c, p := pair(t, w, sim.Path{Delay: 100 * time.Millisecond})
		go func() {
			time.Sleep(50 * time.Millisecond)
			p.Set(sim.Path{Delay: 10 * time.Millisecond})
		}()
		if d := pingPong(t, c, 1); d != 110*time.Millisecond {
			t.Errorf("100 ms there and 10 ms back take %v", d)
		}
		p.Set(sim.Path{Back: &sim.Path{Delay: 30 * time.Millisecond}})
		if d := pingPong(t, c, 1); d != 30*time.Millisecond {
			t.Errorf("0 ms there and 30 ms back take %v", d)
		}
		path := p.Path()
		path.Loss = 1
		p.Set(path)
		if got := p.Path(); got.Loss != 1 || got.Back == nil || got.Back.Delay != 30*time.Millisecond {
			t.Errorf("after Set: %+v", got)
		}
		if pingPong(t, c, 1) != 0 {
			t.Error("an answer over a path that loses all")
		}
		p.Set(sim.Path{Delay: time.Millisecond})
		if d := pingPong(t, c, 1); d != 2*time.Millisecond {
			t.Errorf("1 ms there and 1 ms back take %v", d)
		}
	})
}

// Packets of chosen numbers vanish, and no others.
func TestNth(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		c, p := pair(t, w, sim.Path{Delay: time.Millisecond, Drop: sim.Nth(2, 5), Back: &sim.Path{Delay: time.Millisecond, Drop: sim.Nth(3)}})
		var lost []int
		for i := range 8 {
			if pingPong(t, c, 1) == 0 {
				lost = append(lost, i+1)
			}
		}
		// The answer to the fourth is the third one back.
		if want := []int{2, 4, 5}; !slices.Equal(lost, want) {
			t.Errorf("no answer to %v; want none to %v", lost, want)
		}
		there, back := p.Stats()
		if there.Picked != 2 || there.Arrived != 6 || back.Picked != 1 || back.Sent != 6 {
			t.Errorf("counters: %+v, %+v", there, back)
		}
	})
}

// The segment with the third text of one direction is lost, and comes again.
func TestText(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		p := w.Connect(client, server, sim.Path{Delay: time.Millisecond, Drop: sim.Text(3)})
		data := pattern(1, 20_000)
		serveBytes(t, server, data)
		got, _ := fetch(t, client, "server:80")
		wantSame(t, got, data)
		there, back := p.Stats()
		if there.Picked != 0 || back.Picked != 1 {
			t.Errorf("%d and %d packets were picked; want 0 and 1: only the server sends text", there.Picked, back.Picked)
		}
	})
}

// Hosts know the MTU of their own path, learn that of others' from routers, and find
// a black hole out.
func TestPathMTU(t *testing.T) {
	data := pattern(1, 200_000)
	for _, c := range []struct {
		name  string
		first sim.Path
		far   sim.Path
		want  func(t *testing.T, far sim.PathStats)
	}{
		{"router tells", sim.Path{MTU: 9000}, sim.Path{MTU: 1300}, func(t *testing.T, far sim.PathStats) {
			if far.TooBig != 0 {
				t.Errorf("%d packets were too big for a path of which the router knows", far.TooBig)
			}
		}},
		{"black hole", sim.Path{}, sim.Path{BlackHole: 1300}, func(t *testing.T, far sim.PathStats) {
			if far.TooBig == 0 || far.TooBig > 50 {
				t.Errorf("%d packets were too big; want some, and not many", far.TooBig)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, w *sim.World) {
				client, server, r := w.Host("client"), w.Host("server"), w.Router("r")
				w.Connect(server, r, c.first)
				far := w.Connect(r, client, c.far)
				serveBytes(t, server, data)
				got, _ := fetch(t, client, "server:80")
				wantSame(t, got, data)
				there, _ := far.Stats()
				c.want(t, there)
			})
		})
	}
}

// A managed queue drops long before it is full; another one that large does not.
func TestCoDel(t *testing.T) {
	overload := func(path sim.Path) (stats sim.PathStats) {
		inBubble(t, 1, func(t *testing.T, w *sim.World) {
			c, p := pair(t, w, path)
			for range 2000 {
				c.Write(make([]byte, 1222)) // 1250 bytes with headers: 1 ms at 10 Mbit/s
				time.Sleep(500 * time.Microsecond)
			}
			time.Sleep(10 * time.Second)
			stats, _ = p.Stats()
		})
		return stats
	}
	path := sim.Path{Rate: 10 * sim.Mbps, Queue: 4 << 20, Back: &sim.Path{}}
	full := overload(path)
	path.CoDel = true
	managed := overload(path)
	if full.Managed != 0 || full.Sent != 2000 || full.Arrived != full.Sent {
		t.Errorf("without CoDel: %+v", full)
	}
	if managed.Managed == 0 || managed.Sent != managed.Arrived+managed.Managed+managed.Overflow {
		t.Errorf("with CoDel: %+v", managed)
	}
}
