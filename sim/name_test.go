package sim_test

import (
	"errors"
	"net"
	"testing"

	"github.com/usernet-go/usernet/sim"
)

// A misspelt name is a host that is not there, and no matter of resolvers.
func TestUnknownName(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		_, err := w.Host("client").Dial("tcp", "sever:80")
		const want = "dial tcp: lookup sever: no such host"
		var dnsErr *net.DNSError
		if err == nil || err.Error() != want || !errors.As(err, &dnsErr) || !dnsErr.IsNotFound {
			t.Errorf("got %v; want %s", err, want)
		}
	})
}
