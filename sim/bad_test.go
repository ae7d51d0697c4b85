package sim_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
)

// panicOf returns what f panics with; "" if it does not.
func panicOf(f func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

// What makes no sense is a panic at once that says what is wrong, and what would be
// right.
func TestBadInput(t *testing.T) {
	connect := func(path sim.Path) func(w *sim.World) {
		return func(w *sim.World) { w.Connect(w.Host("a"), w.Host("b"), path) }
	}
	for _, c := range []struct {
		name string
		f    func(w *sim.World)
		want string
	}{
		{"Rate", connect(sim.Path{Rate: -1}), "sim: a-b: path with Rate -1; want bits per second, or 0"},
		{"Loss", connect(sim.Path{Loss: 1.5}), "sim: a-b: path with Loss 1.5; want 0 to 1"},
		{"Loss of the way back", connect(sim.Path{Back: &sim.Path{Loss: -1}}), "sim: a-b: Back: path with Loss -1; want 0 to 1"},
		{"Delay", connect(sim.Path{Delay: -time.Second}), "sim: a-b: path with Delay -1s; want 0 to 24h0m0s"},
		{"Reorder", connect(sim.Path{Reorder: 0.1}), "sim: a-b: path with Reorder 0.1, but no ReorderDelay"},
		{"Burst", connect(sim.Path{Loss: 0.1, Burst: 0.5}), "sim: a-b: path with Burst 0.5; want 0, or 1 and more packets"},
		{"CoDel", connect(sim.Path{CoDel: true}), "sim: a-b: path with CoDel, but no Rate: nothing queues"},
		{"MTU", connect(sim.Path{MTU: 500}), "sim: a-b: an MTU of 500 bytes; want 1280 to 65535, or 0 for 1500"},
		{"BlackHole", connect(sim.Path{BlackHole: -1}), "sim: a-b: path with BlackHole -1; want bytes, or 0"},
		{"Set", func(w *sim.World) {
			w.Connect(w.Host("a"), w.Host("b"), sim.Path{}).Set(sim.Path{Loss: 2})
		}, "sim: a-b: path with Loss 2; want 0 to 1"},
		{"Set of an MTU", func(w *sim.World) {
			w.Connect(w.Host("a"), w.Host("b"), sim.Path{}).Set(sim.Path{MTU: 1400})
		}, "sim: a-b: an MTU of 1400; the hosts at it have learned 1500: let larger packets vanish with BlackHole"},

		{"name twice", func(w *sim.World) { w.Host("a"); w.Host("a") }, `sim: there are two nodes named "a": each needs a name of its own`},
		{"name twice, in capitals", func(w *sim.World) { w.Switch("a"); w.Router("A") }, `sim: there are two nodes named "A": each needs a name of its own`},
		{"no name", func(w *sim.World) { w.Host("") }, `sim: "" is no name for a node: want one that can stand in "name:80", and is no address`},
		{"name with a port", func(w *sim.World) { w.Host("a:80") }, `sim: "a:80" is no name for a node: want one that can stand in "name:80", and is no address`},
		{"address as a name", func(w *sim.World) { w.Host("10.0.0.1") }, `sim: "10.0.0.1" is no name for a node: want one that can stand in "name:80", and is no address`},
		{"localhost", func(w *sim.World) { w.Host("localhost") }, `sim: "localhost" is no name for a node: want one that can stand in "name:80", and is no address`},

		{"name of two lines", func(w *sim.World) { w.Host("a\nb") }, `sim: "a\nb" is no name for a node: want one that can stand in "name:80", and is no address`},
		{"ladder of one", func(w *sim.World) { a := w.Host("a"); w.Ladder(a, a) }, "sim: Ladder of a and a: want two hosts of this world"},
		{"ladder of nothing", func(w *sim.World) { w.Ladder(w.Host("a"), nil) }, "sim: Ladder of a and nothing: want two hosts of this world"},
		{"name below localhost", func(w *sim.World) { w.Host("a.LocalHost") }, `sim: "a.LocalHost" is no name for a node: want one that can stand in "name:80", and is no address`},

		{"itself", func(w *sim.World) { a := w.Host("a"); w.Connect(a, a, sim.Path{}) }, "sim: a cannot be connected to itself: it reaches itself at localhost"},
		{"router and its host", func(w *sim.World) { r := w.Router("r"); w.Connect(r, r.Host, sim.Path{}) }, "sim: r cannot be connected to itself: it reaches itself at localhost"},
		{"switch and itself", func(w *sim.World) { s := w.Switch("s"); w.Connect(s, s, sim.Path{}) }, "sim: s cannot be connected to itself: packets would go round for ever"},
		{"nil", func(w *sim.World) { w.Connect(w.Host("a"), nil, sim.Path{}) }, "sim: Connect of a and nothing: want two nodes"},
		{"nil host", func(w *sim.World) { w.Connect((*sim.Host)(nil), w.Host("a"), sim.Path{}) }, "sim: Connect of nothing and a: want two nodes"},
		{"nil router", func(w *sim.World) { w.Connect((*sim.Router)(nil), (*sim.Switch)(nil), sim.Path{}) }, "sim: Connect of nothing and nothing: want two nodes"},
		{"ring of switches", func(w *sim.World) {
			a, b, c := w.Switch("a"), w.Switch("b"), w.Switch("c")
			w.Connect(a, b, sim.Path{})
			w.Connect(b, c, sim.Path{})
			w.Connect(c, a, sim.Path{})
		}, "sim: c and a are connected already: packets would go round for ever"},
		{"switches with hosts", func(w *sim.World) {
			a, b := w.Switch("a"), w.Switch("b")
			w.Connect(a, w.Host("x"), sim.Path{})
			w.Connect(w.Host("y"), b, sim.Path{})
			w.Connect(a, b, sim.Path{})
		}, "sim: there are hosts at both a and b, with addresses of two networks: connect the switches first"},
		{"node of another world", func(w *sim.World) {
			other := sim.New(sim.Config{})
			defer other.Close()
			w.Connect(w.Host("a"), other.Host("b"), sim.Path{})
		}, "sim: b is a node of another world"},

		{"closed world", func(w *sim.World) { w.Close(); w.Host("a") }, `sim: node "a" in a world that is closed`},
		{"cable in a closed world", func(w *sim.World) {
			a, b := w.Host("a"), w.Host("b")
			w.Close()
			w.Connect(a, b, sim.Path{})
		}, "sim: a and b cannot be connected: the world is closed"},
		{"closed host", func(w *sim.World) {
			a, b := w.Host("a"), w.Host("b")
			b.Close()
			w.Connect(a, b, sim.Path{})
		}, `sim: host "b" is closed: connect it before`},

		{"configuration", func(*sim.World) { sim.New(sim.Config{Stack: usernet.Config{SendBuffer: 1}}) },
			"sim: Config.Stack: usernet: Config.SendBuffer is 1; want 2048 to 1073741824, or 0 for the default"},
		{"configuration of a host", func(w *sim.World) { w.HostWith("a", sim.HostConfig{Stack: usernet.Config{SendBuffer: 1}}) },
			`sim: host "a": usernet: Config.SendBuffer is 1; want 2048 to 1073741824, or 0 for the default`},
		{"Rand", func(w *sim.World) {
			w.HostWith("a", sim.HostConfig{Stack: usernet.Config{Rand: strings.NewReader("")}})
		},
			`sim: host "a": Rand and Clock of the stack are the world's: leave them nil`},
		{"Rand of all", func(*sim.World) { sim.New(sim.Config{Stack: usernet.Config{Rand: strings.NewReader("")}}) },
			"sim: Config.Stack: Rand and Clock of the stack are the world's: leave them nil"},
		{"Resolver", func(w *sim.World) {
			w.HostWith("a", sim.HostConfig{Stack: usernet.Config{Resolver: myResolver{new(usernet.Resolver)}}})
		},
			`sim: host "a": Resolver of the stack is a sim_test.myResolver: want a *usernet.Resolver, whose fields the world copies`},
		{"Resolver of all", func(*sim.World) {
			sim.New(sim.Config{Stack: usernet.Config{Resolver: myResolver{new(usernet.Resolver)}}})
		},
			"sim: Config.Stack: Resolver of the stack is a sim_test.myResolver: want a *usernet.Resolver, whose fields the world copies"},
		{"Tick", func(w *sim.World) { w.HostWith("a", sim.HostConfig{Tick: time.Hour}) }, `sim: host "a" with Tick 1h0m0s; want 1µs to 1s, or 0`},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, w *sim.World) {
				if got := panicOf(func() { c.f(w) }); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				// The world works on: nothing is left locked.
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// myResolver is a NameResolver of another type.
type myResolver struct{ *usernet.Resolver }

// A Connect that panics has changed nothing.
func TestBadConnectChangesNothing(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		a, b := w.Host("a"), w.Host("b")
		b.Close()
		if panicOf(func() { w.Connect(a, b, sim.Path{}) }) == "" {
			t.Fatal("a closed host was connected")
		}
		if list := a.Addrs(); len(list) > 0 {
			t.Errorf("a has addresses %v", list)
		}
		if list := a.Interfaces(); len(list) > 0 {
			t.Errorf("a has interfaces %+v", list)
		}
		c := w.Host("c")
		w.Connect(a, c, sim.Path{})
		serveBytes(t, c, []byte("hello"))
		got, _ := fetch(t, a, "c:80")
		wantSame(t, got, []byte("hello"))
	})
}

func TestSeedVariable(t *testing.T) {
	for _, c := range []struct {
		value string
		want  uint64
	}{{"7", 7}, {"0x10", 16}} {
		t.Setenv("USERNET_SIM_SEED", c.value)
		w := sim.New(sim.Config{})
		if w.Seed() != c.want {
			t.Errorf("USERNET_SIM_SEED=%s: seed %d", c.value, w.Seed())
		}
		w.Close()
		w = sim.New(sim.Config{Seed: 3})
		if w.Seed() != 3 {
			t.Errorf("the program's seed became %d", w.Seed())
		}
		w.Close()
	}
	for _, value := range []string{"x", "0", "-1"} {
		t.Setenv("USERNET_SIM_SEED", value)
		want := fmt.Sprintf("sim: USERNET_SIM_SEED is %q; want a number from 1 to 18446744073709551615", value)
		if got := panicOf(func() { sim.New(sim.Config{}) }); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	t.Setenv("USERNET_SIM_SEED", "")
	a, b := sim.New(sim.Config{}), sim.New(sim.Config{})
	defer a.Close()
	defer b.Close()
	if a.Seed() == b.Seed() {
		t.Errorf("two worlds drew the same seed %d", a.Seed())
	}
}

// So do those of a host whose world is closed, whether it was before or meanwhile.
func TestClosedWorld(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: time.Millisecond}).Cut()
		meanwhile := make(chan error)
		go func() {
			_, err := client.Dial("tcp", "server:80")
			meanwhile <- err
		}()
		time.Sleep(10 * time.Millisecond)
		w.Close()
		if err := <-meanwhile; !errors.Is(err, net.ErrClosed) {
			t.Errorf("dial: %v", err)
		}
		if _, err := client.Dial("tcp", "server:80"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dial after Close: %v", err)
		}
	})
}

// Verbs of a host that is closed say so, as those of package net do.
func TestClosedHost(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: time.Millisecond})
		serveBytes(t, server, []byte("hello"))
		c, err := client.Dial("tcp", "server:80")
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read: %v", err)
		}
		if _, err := client.Dial("tcp", "server:80"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dial: %v", err)
		}
		if _, err := client.Listen("tcp", ":80"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("listen: %v", err)
		}
		// Others live on, and a new neighbour can come.
		other := w.Host("other")
		w.Connect(server, other, sim.Path{})
		got, _ := fetch(t, other, netip.AddrPortFrom(server.Addrs()[2], 80).String())
		wantSame(t, got, []byte("hello"))
	})
}
