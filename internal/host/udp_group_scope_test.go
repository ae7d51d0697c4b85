package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// RFC 4291, 2.7: what is sent to a group of scope 0 or 1 stays on the node, and from
// another node it is not heard.
func TestGroupsThatStayOnTheNode(t *testing.T) {
	for _, text := range []string{"ff00::1234", "ff01::1234"} {
		r := newRig(t, Config{}, link.Info{})
		group := netip.MustParseAddr(text)
		sock := listenUDP(t, r.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyIPv6)
		if err := sock.JoinGroup("eth0", group); err != nil {
			t.Fatal(err)
		}
		if _, err := sock.WriteTo([]byte("own"), netip.AddrPortFrom(group, udpPort)); err != nil {
			t.Fatal(err)
		}
		r.silent()
		packet := udpPacket(fromPeer6, netip.AddrPortFrom(group, udpPort), "foreign")
		r.counted(func() { r.inject(frameTo(groupMAC(group), wire.EtherTypeIPv6, packet)) }, ReasonDestination)
		if got := inbox(t, sock); len(got) != 1 || got[0] != "own" {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// RFC 4291, 2.8: a router is where all routers of its link, and of its site, are.
func TestRouterJoinsAllRouters(t *testing.T) {
	r := newRouter(t, Config{}, link.Info{}, link.Info{})
	groups := &r.h.net.Load().places[1].ifc.groups
	for _, text := range []string{"224.0.0.2", "ff02::2", "ff05::2"} {
		if !groups.has(netip.MustParseAddr(text)) {
			t.Errorf("no member of %s", text)
		}
	}
}

// A socket that has chosen an interface sends from no address that the host has not.
func TestGroupFromAddressThatIsGone(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	sock := listenUDP(t, r.h, netip.AddrPortFrom(host4, udpPort), FamilyIPv4)
	if err := sock.SetMulticastInterface("eth0"); err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(netip.MustParseAddr("239.1.2.3"), 9)
	if _, err := sock.WriteTo([]byte("x"), to); err != nil {
		t.Fatal(err)
	}
	r.one()
	if err := r.h.RemoveAddress("eth0", host4); err != nil {
		t.Fatal(err)
	}
	if _, err := sock.WriteTo([]byte("x"), to); err != ErrAddrNotAvail {
		t.Errorf("write: %v, want %v", err, ErrAddrNotAvail)
	}
	r.silent()
}
