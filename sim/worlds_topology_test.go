package sim_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
)

// build makes the network: switches in a tree, routers in a chain or a ring, and hosts
// at one or two of them.
func (w *randomWorld) build(r *rand.Rand) {
	routers := pick(r, 0, 0, 0, 1, 1, 2, 3, 4)
	switches := pick(r, 0, 0, 1, 1, 2, 3)
	hosts := 2 + r.IntN(7)
	var places []sim.Node // where hosts can be attached
	var lan []*sim.Switch
	for i := range switches {
		s := w.sim.Switch(fmt.Sprintf("s%d", i))
		if i > 0 && (routers == 0 || chance(r, 0.4)) {
			w.connect(r, pick(r, lan...), s)
		}
		lan = append(lan, s)
		places = append(places, s)
	}
	var chain []*sim.Router
	for i := range routers {
		c := sim.HostConfig{Stack: usernet.Config{Forwarding: true}, Tick: tick(r)}
		router := &sim.Router{Host: w.sim.HostWith(fmt.Sprintf("r%d", i), c)}
		if i > 0 {
			w.connect(r, chain[i-1], router)
		}
		chain = append(chain, router)
		places = append(places, router)
	}
	if routers > 2 {
		w.connect(r, chain[routers-1], chain[0])
	}
	for _, s := range lan {
		if routers == 0 {
			break
		}
		i := r.IntN(routers)
		w.connect(r, chain[i], s)
		if routers > 1 && chance(r, 0.3) {
			w.connect(r, s, chain[(i+1)%routers])
		}
	}
	if len(places) == 0 {
		w.pair(r)
		return
	}
	for i := range hosts {
		h := w.host(r, fmt.Sprintf("h%d", i))
		first := r.IntN(len(places))
		w.connect(r, h.Host, places[first])
		if len(places) > 1 && chance(r, 0.25) {
			w.connect(r, h.Host, places[(first+1+r.IntN(len(places)-1))%len(places)])
		}
	}
}

// pair makes two hosts with one cable between them, or two.
func (w *randomWorld) pair(r *rand.Rand) {
	a, b := w.host(r, "h0"), w.host(r, "h1")
	w.connect(r, a.Host, b.Host)
	if chance(r, 0.3) {
		w.connect(r, a.Host, b.Host)
	}
}

func (w *randomWorld) connect(r *rand.Rand, a, b sim.Node) {
	mtu := pick(r, 1280, 1280+r.IntN(220), 1500, 1500, 1500, 1500+r.IntN(7500), 9000)
	if w.clean {
		mtu = w.mtu
	}
	path := w.path(r, len(w.cables), mtu)
	c := w.sim.Connect(a, b, path)
	w.delay += path.Delay + path.Jitter
	if path.Back != nil {
		w.delay += path.Back.Delay + path.Back.Jitter
	}
	w.cables = append(w.cables, c)
	w.note("%v", describePath(c, path))
}

func describePath(c *sim.Cable, p sim.Path) string {
	p.Drop = nil
	back := sim.Path{}
	if p.Back != nil {
		back, p.Back = *p.Back, nil
		return fmt.Sprintf("%v: there %+v, back %+v", c, p, back)
	}
	return fmt.Sprintf("%v: %+v", c, p)
}

// path returns what happens to packets on a cable in both directions.
func (w *randomWorld) path(r *rand.Rand, cable, mtu int) sim.Path {
	p := w.oneWay(r, cable, mtu)
	if chance(r, 0.4) {
		back := w.oneWay(r, cable, mtu)
		p.Back = &back
	}
	p.MTU = mtu
	return p
}

// oneWay returns what happens to packets in one direction.
func (w *randomWorld) oneWay(r *rand.Rand, cable, mtu int) (p sim.Path) {
	worst := 1.0 // how bad it can be, against a calm path
	if w.rough {
		worst = pick(r, 1.0, 1, 5, 10)
	}
	if chance(r, 0.7) {
		p.Delay = between[time.Duration](r, 1e3, 60e6) * time.Duration(worst)
	}
	if chance(r, 0.3) {
		p.Jitter = span(r, 0, p.Delay)
	}
	if w.clean {
		return p
	}
	if chance(r, 0.6) {
		p.Rate = int64(between(r, 200*sim.Kbps, sim.Gbps))
		if chance(r, 0.5) {
			p.Queue = between(r, 4*mtu, 1<<20)
		}
		p.CoDel, p.ECN = chance(r, 0.3), chance(r, 0.3)
	}
	if chance(r, 0.5) {
		p.Loss = r.Float64() * 0.01 * worst
		if chance(r, 0.3) {
			// A burst lasts until so many packets have come: retransmissions that are minutes
			// apart must not all fall into one.
			p.Burst = 1 + r.Float64()*0.5*worst
		}
	}
	if chance(r, 0.3) {
		p.Reorder, p.ReorderDelay = r.Float64()*0.05*worst, span(r, time.Microsecond, 20*time.Millisecond)
	}
	if chance(r, 0.3) {
		p.Duplicate = r.Float64() * 0.03 * worst
	}
	if cable == w.corrupts {
		p.Corrupt = r.Float64() * 0.005 * worst
	}
	if w.rough && mtu > 1280 && chance(r, 0.1) {
		p.BlackHole = 1280 + r.IntN(mtu-1280)
	}
	return p
}

// tick returns how coarse a clock is.
func tick(r *rand.Rand) time.Duration {
	return pick(r, 0, 0, time.Microsecond, 100*time.Microsecond, time.Millisecond, 4*time.Millisecond, 10*time.Millisecond, 15600*time.Microsecond)
}

// host makes a host with a clock, windows and times of its own.
func (w *randomWorld) host(r *rand.Rand, name string) *worldHost {
	var c usernet.Config
	h := &worldHost{send: 1 << 20, receive: 1 << 20, timeWait: time.Minute}
	if chance(r, 0.6) {
		c.SendBuffer, c.ReceiveBuffer = between(r, 2<<10, 4<<20), between(r, 2<<10, 4<<20)
		h.send, h.receive = c.SendBuffer, c.ReceiveBuffer
	}
	if chance(r, 0.3) && !w.clean {
		c.MinRTO = span(r, 5*time.Millisecond, time.Second)
	}
	if chance(r, 0.3) && !w.clean {
		c.DelayedACK = span(r, time.Millisecond, 499*time.Millisecond)
	}
	if chance(r, 0.4) {
		c.TimeWait = span(r, time.Millisecond, 4*time.Minute)
		h.timeWait = c.TimeWait
	}
	if chance(r, 0.2) {
		c.MaxTimeWait = 1 + r.IntN(8)
	}
	switch {
	case chance(r, 0.2) && !w.rough:
		c.KeepAlive, h.silent = -1, true
	case chance(r, 0.3):
		// As long as the keepalives of a calm path cannot all be lost.
		c.KeepAlive = span(r, 4*time.Second, time.Hour)
		h.silent = 10*c.KeepAlive > patience
	}
	if w.tight {
		c.MaxConnections = 2 + r.IntN(8)
		h.maxConns = c.MaxConnections
	}
	d := tick(r)
	h.Host = w.sim.HostWith(name, sim.HostConfig{Stack: c, Tick: d})
	w.ticks += d
	w.hosts = append(w.hosts, h)
	w.note("%s: buffers %d and %d, RTO %v, ACK %v, 2 MSL %v (%d), keepalive %v, connections %d, tick %v", name,
		c.SendBuffer, c.ReceiveBuffer, c.MinRTO, c.DelayedACK, c.TimeWait, c.MaxTimeWait, c.KeepAlive, c.MaxConnections, d)
	return h
}
