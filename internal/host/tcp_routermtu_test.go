package host

import (
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link/pipe"
)

// A connection takes on the MTU that a router tells of the link that it uses already.
func TestTCPRouterTellsMTU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pairOfHosts(t, pipe.Config{MTU: 1500}, Config{})
		c, peer := tcpPair(t, a, b, "[fd00::2]:7")
		if err := a.change(func(n *topology) error {
			n.places[len(n.places)-1].ifc.mtu6.Store(1300)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		c.Write(make([]byte, 10))
		peer.Read(make([]byte, 10))
		if mss := c.Info().MSS; mss != 1300-60-12 {
			t.Errorf("MSS is %d, want %d", mss, 1300-60-12)
		}
	})
}
