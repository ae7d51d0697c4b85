package sim_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// disturb changes the network, and takes things away, while the applications run.
func (w *randomWorld) disturb(r *rand.Rand) {
	for i, c := range w.cables {
		if w.cuts && chance(r, 0.4) {
			w.app("cut", func(a *app) {
				for range 1 + a.rand.IntN(4) {
					pause(between[time.Duration](a.rand, 1e6, 60e9) &^ 1)
					c.Cut()
					away := between[time.Duration](a.rand, 1e6, 10e9) &^ 1
					if w.rough && chance(a.rand, 0.3) {
						away = between[time.Duration](a.rand, 10e9, 3600e9) &^ 1
					}
					w.note("%v is cut for %v", c, away)
					pause(away)
					c.Heal()
				}
			})
		}
		if chance(r, 0.3) && !w.clean {
			w.app(fmt.Sprint("set", i), func(a *app) {
				pause(between[time.Duration](a.rand, 1e6, 60e9) &^ 1)
				path := w.path(a.rand, i, 1500)
				path.MTU = 0
				c.Set(path)
				w.note("set %v", describePath(c, path))
			})
		}
	}
	if !w.rough {
		return
	}
	for _, h := range w.hosts {
		if chance(r, 0.1) {
			w.app("crash", func(a *app) {
				pause(between[time.Duration](a.rand, 1e6, 60e9) &^ 1)
				h.closed.Store(true)
				w.note("%v is closed", h)
				h.Close()
			})
		}
		if chance(r, 0.1) {
			w.app("address", func(a *app) { a.readdress(h) })
		}
	}
}

// readdress takes an address away, and gives it back in most cases.
func (a *app) readdress(h *worldHost) {
	pause(between[time.Duration](a.rand, 1e6, 60e9) &^ 1)
	states := h.Interfaces()
	if h.closed.Load() || len(states) == 0 {
		return
	}
	ifc := pick(a.rand, states...)
	var list []netip.Prefix
	for _, s := range ifc.Addrs {
		if !s.Prefix.Addr().IsLinkLocalUnicast() && !s.Prefix.Addr().IsLoopback() {
			list = append(list, s.Prefix)
		}
	}
	if len(list) == 0 {
		return
	}
	prefix := pick(a.rand, list...)
	h.readdress.Store(true)
	a.w.note("%v loses %v", h, prefix)
	if err := h.RemoveAddr(ifc.Name, prefix.Addr()); err != nil && !h.closed.Load() {
		a.errorf("RemoveAddr %v: %v", prefix, err)
	}
	if chance(a.rand, 0.3) {
		return
	}
	pause(between[time.Duration](a.rand, 1e6, 60e9) &^ 1)
	if err := h.AddAddr(ifc.Name, prefix); err != nil && !h.closed.Load() {
		a.errorf("AddAddr %v: %v", prefix, err)
	}
}
