package host

import (
	"context"
	"net/netip"
	"sync"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
)

// A watch lets goroutines wait for a change of the topology.
type watch struct {
	mu      sync.Mutex // a leaf
	changed chan struct{}
}

// next returns a channel that the next change closes.
func (w *watch) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

// signal tells those who wait of a change.
func (w *watch) signal(h *Host) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed != nil {
		h.wakeByClose(w.changed)
		w.changed = nil
	}
}

// WaitAddress returns an IPv6 address of the interface of that name which may be
// used beyond its link, one that is not deprecated if there is one, as soon as
// there is one.
func (h *Host) WaitAddress(ctx context.Context, name string) (netip.Prefix, error) {
	for {
		changed := h.watch.next()
		t := h.net.Load()
		ifc, err := h.namedIn(t, name)
		if err != nil {
			return netip.Prefix{}, err
		}
		if a := t.place(ifc).beyondLink(); a != nil {
			return a.prefix, nil
		}
		select {
		case <-changed:
		case <-h.done:
			return netip.Prefix{}, ErrClosed
		case <-ctx.Done():
			return netip.Prefix{}, context.Cause(ctx)
		}
	}
}

// beyondLink returns the first usable IPv6 address of p that is not link-local, or
// nil.
func (p *place) beyondLink() *address {
	var found *address
	for i := range p.addrs {
		a := &p.addrs[i]
		ip := a.prefix.Addr()
		if ip.Is6() && !ip.IsLinkLocalUnicast() && !a.tentative && (found == nil || found.deprecated && !a.deprecated) {
			found = a
		}
	}
	return found
}

// checkAutoconfigure says what config wants of the link that it cannot do.
func checkAutoconfigure(config *InterfaceConfig, info *link.Info) error {
	switch {
	case !config.Autoconfigure:
		return nil
	case info.Medium != link.Ethernet:
		return text.Errorf("%w: a link of medium %v has no routers that advertise themselves", ErrBadInterface, info.Medium)
	case info.MTU < minMTUv6:
		return text.Errorf("%w: autoconfiguration of IPv6 needs an MTU of %d, the link has %d", ErrBadInterface, minMTUv6, info.MTU)
	}
	return nil
}
