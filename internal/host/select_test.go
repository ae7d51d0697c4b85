package host

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link"
)

// candidates makes addresses of words such as "fe80::2/64,deprecated"; without a
// length the network is a /64.
func candidates(words string) (addrs []address) {
	for _, w := range strings.Fields(words) {
		text, state, _ := strings.Cut(w, ",")
		if !strings.Contains(text, "/") {
			if strings.Contains(text, ":") {
				text += "/64"
			} else {
				text += "/24"
			}
		}
		addrs = append(addrs, address{
			prefix: netip.MustParsePrefix(text), deprecated: state == "deprecated",
			optimistic: state == "optimistic", tentative: state == "tentative",
		})
	}
	return addrs
}

// RFC 6724, 10.1, but for home and temporary addresses, and what follows from the
// rules besides.
func TestSelectSource(t *testing.T) {
	for _, c := range []struct{ dst, candidates, want string }{
		// 10.1
		{"2001:db8:1::1", "2001:db8:3::1 fe80::1", "2001:db8:3::1"},
		{"ff05::1", "2001:db8:3::1 fe80::1", "2001:db8:3::1"},
		{"2001:db8:1::1", "2001:db8:1::1,deprecated 2001:db8:2::1", "2001:db8:1::1"},
		{"fe80::1", "fe80::2,deprecated 2001:db8:1::1", "fe80::2"},
		{"2001:db8:1::1", "2001:db8:1::2 2001:db8:3::2", "2001:db8:1::2"},
		{"2002:c633:6401::1", "2002:c633:6401::d5e3:7953:13eb:22e8 2001:db8:1::2", "2002:c633:6401:0:d5e3:7953:13eb:22e8"},
		// 10.6: "source address selection does not choose a ULA purely based on longest
		// match"
		{"ff0e::1", "2001:db8:1::1 fd11:1111:1111:1::1", "2001:db8:1::1"},
		// Rule 3, and RFC 4429, 2.1.
		{"2001:db8:1::1", "2001:db8:1::2,deprecated 2001:db8:2::2", "2001:db8:2::2"},
		{"2001:db8:1::1", "2001:db8:1::2,optimistic 2001:db8:2::2", "2001:db8:2::2"},
		{"2001:db8:1::1", "2001:db8:1::2,optimistic fe80::1", "2001:db8:1::2"},
		// RFC 4862, 5.4: "[...] a tentative address is not considered assigned".
		{"2001:db8:1::1", "2001:db8:1::2,tentative 2001:db8:2::2", "2001:db8:2::2"},
		{"2001:db8:1::1", "2001:db8:1::2,tentative", ""},
		// 2.2: no more bits count than the networks have.
		{"2001:db8::ffff", "2001:db8::1 2001:db8::fffe", "2001:db8::1"},
		// The families do not mix, and the network of the next hop decides in IPv4.
		{"2001:db8:1::1", "10.0.0.1", ""},
		{"192.0.2.1", "10.0.1.1 10.0.0.7", "10.0.0.7"},
		{"10.0.1.9", "10.0.0.7 10.0.1.1", "10.0.0.7"},
		{"198.51.100.1", "169.254.1.1 203.0.113.1", "203.0.113.1"},
		{"ff02::1", "2001:db8::1 fe80::1", "fe80::1"},
		{"ff01::1", "2001:db8::1 fe80::1", "fe80::1"},
	} {
		dst := netip.MustParseAddr(c.dst)
		nextHop := dst
		if dst.Is4() {
			nextHop = netip.MustParseAddr("10.0.0.1") // a router
		}
		for range 2 {
			list := candidates(c.candidates)
			got := ""
			if a := selectSource(list, dst, nextHop); a != nil {
				got = a.prefix.Addr().String()
			}
			if got != c.want {
				t.Errorf("%s from %s: %q, want %q", c.dst, c.candidates, got, c.want)
			}
			if c.dst == "2001:db8::ffff" {
				break // a tie: the first one is taken
			}
			words := strings.Fields(c.candidates)
			slices.Reverse(words)
			c.candidates = strings.Join(words, " ")
		}
	}
}

// newSelecting makes a host with these addresses on one link, over which all goes.
func newSelecting(t *testing.T, addrs string) *Host {
	t.Helper()
	h, err := New(Config{Rand: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if err := h.Attach(newTestLink(link.Info{Medium: link.IP}), InterfaceConfig{Name: "tun0"}); err != nil {
		t.Fatal(err)
	}
	err = h.change(func(n *topology) error {
		for _, a := range candidates(addrs) {
			if err := n.addAddress(n.places[1].ifc, a); err != nil {
				return err
			}
		}
		for _, all := range []string{"0.0.0.0/0", "::/0"} {
			if err := n.addRoute(routeEntry{prefix: netip.MustParsePrefix(all), ifc: n.places[1].ifc}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// RFC 6724, 10.2, 10.5, 10.6 and 10.7, with the default policy table and but for home
// addresses.
func TestSortDestinations(t *testing.T) {
	for _, c := range []struct{ candidates, want string }{
		{"2001:db8:1::2 fe80::1 169.254.13.78", "2001:db8:1::1 198.51.100.121"},
		{"fe80::1 198.51.100.117", "198.51.100.121 2001:db8:1::1"},
		{"2001:db8:1::2 fe80::1 10.1.2.4", "2001:db8:1::1 10.1.2.3"},
		{"2001:db8:1::2 fe80::2", "fe80::1 2001:db8:1::1"},
		{"2001:db8:1::2 fe80::2,deprecated", "2001:db8:1::1 fe80::1"},
		{"2001:db8:1::2 2001:db8:3f44::2 fe80::2", "2001:db8:1::1 2001:db8:3ffe::1"},
		{"2002:c633:6401::2 fe80::2", "2002:c633:6401::1 2001:db8:1::1"},
		{"2002:c633:6401::2 2001:db8:1::2 fe80::2", "2001:db8:1::1 2002:c633:6401::1"},
		{"2001:db8:1aaa::a 2001:db8:70aa::a fe80::a", "2001:db8:70bb::b 2001:db8:1bbb::b"},
		{"2001:db8:1aaa::a/48 2001:db8:70aa::a/48 fe80::a", "2001:db8:1ccc::c 2001:db8:6ccc::c"},
		{"2001:db8:1::1 fd11:1111:1111:1::1", "2001:db8:2::2 fd22:2222:2222:2::2"},
		{"2002:c633:6401::2 10.1.2.3", "203.0.113.1 2001:db8:1::1"},
		// Rule 1: what cannot be reached comes last; what is our own is near.
		{"10.1.2.3", "10.1.2.4 2001:db8:1::1"},
		{"2001:db8:1::2", "::1 2001:db8:1::1 127.0.0.1 10.1.2.4"},
		// Rule 10: "Otherwise, leave the order unchanged."
		{"10.1.2.3", "198.51.100.2 198.51.100.1 198.51.100.3"},
		{"10.1.2.3", "198.51.100.2 11.0.0.1 10.1.2.4"}, // round robin, in spite of rule 9
	} {
		h := newSelecting(t, c.candidates)
		var got []netip.Addr
		for _, w := range strings.Fields(c.want) {
			got = append(got, netip.MustParseAddr(w))
		}
		if !strings.HasPrefix(c.want, "198.51.100.2 ") {
			slices.Reverse(got)
		}
		h.SortDestinations(got)
		var words []string
		for _, a := range got {
			words = append(words, a.String())
		}
		if s := strings.Join(words, " "); s != c.want {
			t.Errorf("with %s: %s, want %s", c.candidates, s, c.want)
		}
	}
}

// An address keeps its zone and its form, and no neighbour is looked for.
func TestSortDestinationsLeavesNoTrace(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	mapped := netip.AddrFrom16(far4.As16())
	scoped := netip.MustParseAddr("fe80::9%eth0")
	list := []netip.Addr{{}, netip.MustParseAddr("fe80::9%none"), mapped, far6, scoped}
	r.h.SortDestinations(list)
	want := []netip.Addr{scoped, far6, mapped, {}, netip.MustParseAddr("fe80::9%none")}
	if !slices.Equal(list, want) {
		t.Errorf("%v, want %v", list, want)
	}
	ifc := r.h.net.Load().places[1].ifc
	if n := len(ifc.neighbours.cache.entries); n != 2 {
		t.Errorf("%d neighbours, want the 2 that have introduced themselves", n)
	}
	r.silent()
}
