package host

import (
	"net/netip"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Two bindings of one port, and whether the kernel (without SO_REUSEADDR) takes the
// second.
func TestBindConflicts(t *testing.T) {
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	second4 := netip.MustParseAddr("127.0.0.1")
	type end struct {
		addr   netip.Addr
		family Family
	}
	for _, c := range []struct {
		first, second end
		conflict      bool
	}{
		{end{host4, FamilyAny}, end{host4, FamilyAny}, true},
		{end{host4, FamilyAny}, end{host4, FamilyIPv4}, true},
		{end{host4, FamilyAny}, end{second4, FamilyAny}, false},
		{end{host4, FamilyAny}, end{host6, FamilyAny}, false},
		{end{any6, FamilyAny}, end{host4, FamilyAny}, true},
		{end{any6, FamilyAny}, end{host6, FamilyAny}, true},
		{end{host6, FamilyAny}, end{any6, FamilyAny}, true},
		{end{any6, FamilyAny}, end{any4, FamilyIPv4}, true},
		{end{any4, FamilyIPv4}, end{any6, FamilyIPv6}, false},
		{end{any4, FamilyIPv4}, end{host6, FamilyAny}, false},
		{end{any6, FamilyIPv6}, end{host4, FamilyAny}, false},
		{end{any6, FamilyIPv6}, end{host6, FamilyAny}, true},
		{end{any4, FamilyAny}, end{any6, FamilyIPv6}, false}, // 0.0.0.0 is IPv4's
		{end{netip.Addr{}, FamilyAny}, end{host4, FamilyIPv4}, true},
	} {
		r := newRig(t, Config{}, link.Info{})
		first, err := r.h.bind(wire.ProtocolUDP, netip.AddrPortFrom(c.first.addr, 7), c.first.family)
		if err != nil {
			t.Fatalf("%v: %v", c.first, err)
		}
		_, err = r.h.bind(wire.ProtocolUDP, netip.AddrPortFrom(c.second.addr, 7), c.second.family)
		if got := err == ErrAddrInUse; got != c.conflict {
			t.Errorf("%v, then %v: %v, want conflict %v", c.first, c.second, err, c.conflict)
		}
		if _, err := r.h.bind(wire.ProtocolTCP, netip.AddrPortFrom(c.second.addr, 7), c.second.family); err != nil {
			t.Errorf("TCP's ports are not UDP's: %v", err)
		}
		if r.h.ports.release(first); !c.conflict {
			continue
		}
		if _, err := r.h.bind(wire.ProtocolUDP, netip.AddrPortFrom(c.second.addr, 7), c.second.family); err != nil {
			t.Errorf("%v after release: %v", c.second, err)
		}
	}
}

func TestBindForeignAddress(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	for _, c := range []struct {
		protocol wire.Protocol
		addr     netip.Addr
		family   Family
		want     error
	}{
		{wire.ProtocolTCP, peer4, FamilyAny, ErrAddrNotAvail},
		{wire.ProtocolTCP, directed, FamilyAny, ErrAddrNotAvail},
		{wire.ProtocolUDP, directed, FamilyAny, nil},
		{wire.ProtocolUDP, group6, FamilyAny, nil},
		{wire.ProtocolTCP, host4, FamilyIPv6, ErrAddrNotAvail},
		{wire.ProtocolTCP, loopback4, FamilyIPv4, nil},
		{wire.ProtocolTCP, netip.MustParseAddr("::ffff:10.0.0.1"), FamilyIPv4, nil},
	} {
		if _, err := r.h.bind(c.protocol, netip.AddrPortFrom(c.addr, 0), c.family); err != c.want {
			t.Errorf("bind %v for protocol %d: %v, want %v", c.addr, c.protocol, err, c.want)
		}
	}
}

// RFC 6056, 3.3.3: every port is tried once; two destinations get their ports in
// unrelated places, two dials to one destination one behind the other.
func TestEphemeralPorts(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	tried := make(map[uint16]bool)
	remote := netip.AddrPortFrom(peer4, 80)
	if r.h.ports.ephemeral(wire.ProtocolTCP, host4, remote, func(port uint16) bool {
		tried[port] = true
		return false
	}) {
		t.Error("a port was taken that try refused")
	}
	if len(tried) != numEphemeral {
		t.Errorf("%d different ports tried, want %d", len(tried), numEphemeral)
	}
	for port := range tried {
		if port < firstEphemeral {
			t.Fatalf("port %d is not ephemeral", port)
		}
	}
	pick := func(remote netip.AddrPort) (port uint16) {
		r.h.ports.ephemeral(wire.ProtocolTCP, host4, remote, func(p uint16) bool {
			port = p
			return true
		})
		return port
	}
	if a, b := pick(remote), pick(remote); b != a+1 && b != firstEphemeral {
		t.Errorf("ports %d, %d for one destination, want neighbours", a, b)
	}
	far := 0
	for i := range 32 {
		a, b := pick(remote), pick(netip.AddrPortFrom(peer4, uint16(i+1000)))
		if d := int(a) - int(b); d < -16 || d > 16 {
			far++
		}
	}
	if far < 30 {
		t.Errorf("only %d of 32 other destinations got ports elsewhere", far)
	}
}

func TestNoPorts(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	for {
		if _, err := r.h.bind(wire.ProtocolUDP, netip.AddrPort{}, FamilyAny); err != nil {
			if err != ErrNoPorts {
				t.Error(err)
			}
			break
		}
	}
	if _, err := r.h.ListenUDP(netip.AddrPort{}, FamilyAny); err != ErrNoPorts {
		t.Errorf("ListenUDP without a free port: %v, want %v", err, ErrNoPorts)
	}
}
