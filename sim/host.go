package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet"
)

// A Host is an end system of the network: a stack, whose verbs are its own.
type Host struct {
	*usernet.Stack
	w    *World
	id   uint32
	name string

	closed atomic.Bool

	// Guarded by the world's lock.
	config HostConfig
	starts int      // so far
	places []*place // where it is attached
	routes []usernet.Route
	router bool
}

// A Router is a host that sends on what is for others.
type Router struct{ *Host }

// HostConfig says what is special about a host.
type HostConfig struct {
	// Stack configures the stack, in place of Config.Stack.
	Stack usernet.Config
	// Tick is how coarse the clock of the host is, from 1 us to 1 s, as that of a system
	// whose timers run out every 15.6 ms. Others show nanoseconds.
	Tick time.Duration
}

const maxTick = time.Second

// Host makes a host of that name, as Config.Stack says. It belongs to no network
// before Connect. It panics when there is a node of that name.
func (w *World) Host(name string) *Host { return w.HostWith(name, HostConfig{Stack: w.config.Stack}) }

// HostWith is Host with a configuration of its own. It panics, with the reason, when
// that makes no sense.
func (w *World) HostWith(name string, c HostConfig) *Host {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hostLocked(name, c)
}

// Router makes a router of that name: a host, as Config.Stack says, that sends on
// what is for others (RFC 1812), and knows all the networks around it.
func (w *World) Router(name string) *Router {
	c := HostConfig{Stack: w.config.Stack}
	c.Stack.Forwarding = true
	return &Router{w.HostWith(name, c)}
}

func (w *World) hostLocked(name string, c HostConfig) *Host {
	w.nameLocked(name)
	if c.Tick != 0 && (c.Tick < time.Microsecond || c.Tick > maxTick) {
		panic(fmt.Sprintf("sim: host %q with Tick %v; want %v to %v, or 0", name, c.Tick, time.Microsecond, maxTick))
	}
	w.ids++
	h := &Host{w: w, id: w.ids, name: name, router: c.Stack.Forwarding, config: c}
	h.startLocked()
	w.hosts = append(w.hosts, h)
	w.byName[hostKey(name)] = h
	return h
}

// startLocked gives the host a new stack.
func (h *Host) startLocked() {
	h.starts++
	stack, err := usernet.New(h.w.stackConfig(h, h.config))
	if err != nil {
		panic(fmt.Sprintf("sim: host %q: %v", h.name, err))
	}
	h.Stack = stack
}

// Restart switches the host off, without a word to anybody, as a power failure does,
// and on again. It has its name, addresses and routes as before, and a new stack: what
// was made with the old one returns net.ErrClosed, and peers learn of it when they send
// something. A host that was closed is there again, too. Restart must not be called
// concurrently with other methods of the host; calls on its connections, listeners and
// sockets may be in progress. It panics in a world that is closed.
func (h *Host) Restart() {
	h.silence()
	h.Stack.Close() // without the world's lock: it may have to wait for the engine
	w := h.w
	w.mu.Lock()
	defer w.mu.Unlock()
	h.checkRestartLocked()
	h.startLocked()
	for _, p := range h.places {
		p.port = p.port.cable.port(p.port.end)
		p.attach()
	}
	for _, r := range h.routes {
		if err := h.AddRoute(r); err != nil {
			panic(fmt.Sprintf("sim: host %q: %v", h.name, err))
		}
	}
	h.closed.Store(false)
}

// silence has all that the host sends from now on vanish.
func (h *Host) silence() {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.checkRestartLocked()
	h.closed.Store(true) // nobody connects it meanwhile
	for _, p := range h.places {
		p.port.silent.Store(true)
	}
}

// checkRestartLocked panics when the host cannot be restarted.
func (h *Host) checkRestartLocked() {
	h.w.engine.present() // panics in a bubble that is not the world's
	if h.w.closed {
		panic(fmt.Sprintf("sim: host %q cannot be restarted: the world is closed", h.name))
	}
}

// check returns what a host's stack cannot have in this world, or nothing.
func check(c *usernet.Config) string {
	if c.Rand != nil || c.Clock != nil {
		return "Rand and Clock of the stack are the world's: leave them nil"
	}
	switch c.Resolver.(type) {
	case nil, *usernet.Resolver:
		return ""
	}
	return fmt.Sprintf("Resolver of the stack is a %T: want a *usernet.Resolver, whose fields the world copies", c.Resolver)
}

// stackConfig returns the configuration of a host's stack, with what the world adds.
func (w *World) stackConfig(h *Host, c HostConfig) usernet.Config {
	s := c.Stack
	if wrong := check(&s); wrong != "" {
		panic(fmt.Sprintf("sim: host %q: %s", h.name, wrong))
	}
	s.Rand = rand.NewChaCha8(w.seedFor("host", fmt.Sprint(h.name, "\x00", h.starts)))
	if len(s.AddressSecret) == 0 {
		secret := w.seedFor("addresses", h.name)
		s.AddressSecret = secret[:]
	}
	s.Clock = &clock{engine: w.engine, host: h.id, tick: c.Tick}
	var r usernet.Resolver
	if of, _ := s.Resolver.(*usernet.Resolver); of != nil {
		r.Servers, r.Search, r.Ndots, r.Timeout = of.Servers, of.Search, of.Ndots, of.Timeout
		r.Attempts, r.Rotate, r.Hosts, r.HostsFunc = of.Attempts, of.Rotate, of.Hosts, of.HostsFunc
	}
	own := r.HostsFunc
	r.HostsFunc = func(name string) []netip.Addr {
		list := w.addrs(name)
		if list == nil && own != nil {
			list = own(name)
		}
		return list
	}
	s.Resolver = &r
	return s
}

// seedFor returns the seed of something that has a name.
func (w *World) seedFor(what, name string) [32]byte {
	b := binary.BigEndian.AppendUint64([]byte("usernet/sim "+what+"\x00"), w.seed)
	return sha256.Sum256(append(b, name...))
}

// Name returns the name that other hosts can resolve.
func (h *Host) Name() string { return h.name }

func (h *Host) String() string { return h.name }

// Close is Stack.Close: the host is switched off, and stays in the network.
func (h *Host) Close() error {
	h.closed.Store(true)
	return h.Stack.Close()
}

// Addrs returns the addresses of the host, in the order in which it was connected,
// the IPv4 one of each network first.
func (h *Host) Addrs() []netip.Addr {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	return h.addrsLocked()
}

func (h *Host) addrsLocked() (list []netip.Addr) {
	for _, p := range h.places {
		list = append(list, p.addr4.Addr(), p.addr6.Addr())
	}
	return list
}
