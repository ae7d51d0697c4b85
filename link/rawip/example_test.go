package rawip_test

import (
	"log"
	"net/http"
	"net/netip"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/rawip"
)

// A web server on the host's own addresses. The kernel routes what the stack sends,
// so that one route to everywhere does for each family.
func Example() {
	l, err := rawip.Open(rawip.Config{})
	if err != nil {
		log.Fatal(err)
	}
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Attach(l, usernet.Interface{Name: "host", Addrs: l.Addrs()}); err != nil {
		log.Fatal(err)
	}
	for _, everywhere := range []string{"0.0.0.0/0", "::/0"} {
		err := s.AddRoute(usernet.Route{Prefix: netip.MustParsePrefix(everywhere), Interface: "host"})
		if err != nil {
			log.Fatal(err)
		}
	}
	ln, err := s.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(ln, nil))
}
