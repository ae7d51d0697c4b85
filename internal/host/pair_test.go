package host

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// newPair makes two hosts on a wire in memory: host4 and host6, and peer4 and
// peer6.
func newPair(t *testing.T, config pipe.Config) (a, b *Host) {
	t.Helper()
	la, lb := pipe.New(config)
	a = newHostOn(t, la, 1, hostNets)
	b = newHostOn(t, lb, 2, []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)})
	return a, b
}

func newHostOn(t *testing.T, l link.Link, seed byte, addrs []netip.Prefix) *Host {
	t.Helper()
	if l.Info().MTU < minMTUv6 {
		addrs = addrs[:1]
	}
	h, err := New(Config{Rand: rand.NewChaCha8([32]byte{seed})})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Attach(l, InterfaceConfig{Name: "eth0", Addrs: addrs}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// media are those of a pipe.
var media = []pipe.Config{{Medium: link.Ethernet}, {Medium: link.IP}, {Medium: link.Ethernet, MTU: 9000, GSO: true}}
