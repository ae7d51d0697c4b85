package sim_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
)

// A Resolver's Hosts come before the names of the world's hosts, its HostsFunc after
// them.
func TestResolverOfHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Config{Seed: 1, T: t, Stack: usernet.Config{Resolver: &usernet.Resolver{
			Hosts:     map[string][]netip.Addr{"x": {netip.MustParseAddr("192.0.2.1")}},
			HostsFunc: func(name string) []netip.Addr { return []netip.Addr{netip.MustParseAddr("192.0.2.2")} },
		}}})
		x := w.Host("x")
		w.Connect(x, w.Host("y"), sim.Path{})
		for name, addrs := range map[string]string{"x": "[192.0.2.1]", "y": "[10.0.0.2 fd00::2]", "z": "[192.0.2.2]"} {
			list, err := x.Resolver().LookupHost(context.Background(), name)
			if got := fmt.Sprint(list); got != addrs || err != nil {
				t.Errorf("%s: %s, %v; want %s", name, got, err, addrs)
			}
		}
	})
}
