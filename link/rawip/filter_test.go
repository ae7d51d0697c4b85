package rawip

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/usernet-go/usernet/wire"
)

var (
	own4, own6   = netip.MustParseAddr("10.7.0.1"), netip.MustParseAddr("fd07::1")
	peer4, peer6 = netip.MustParseAddr("10.7.0.2"), netip.MustParseAddr("fd07::2")
)

// packet4 and packet6 are packets to addr, with flags and offset, or extension
// headers, as they stand in the header.
func packet4(dst netip.Addr, p wire.Protocol, options int, word uint16, transport []byte) []byte {
	b := make([]byte, 20+options)
	b[0] = 0x40 | byte(len(b)/4)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)+len(transport)))
	binary.BigEndian.PutUint16(b[4:], 7)
	binary.BigEndian.PutUint16(b[6:], word)
	b[8], b[9] = 64, byte(p)
	copy(b[12:], peer4.AsSlice())
	copy(b[16:], dst.AsSlice())
	return append(b, transport...)
}

func packet6(dst netip.Addr, first wire.Protocol, extensions, transport []byte) []byte {
	h := wire.IPv6{PayloadLen: len(extensions) + len(transport), NextHeader: first, HopLimit: 64, Src: peer6, Dst: dst}
	return append(append(h.Append(nil), extensions...), transport...)
}

func toPort(port uint16) []byte {
	return []byte{0x12, 0x34, byte(port >> 8), byte(port), 0, 0, 0, 0}
}

func icmp(kind byte) []byte { return []byte{kind, 0, 0, 0, 0, 0, 0, 0} }

func fragment6(p wire.Protocol, offset int, more bool) []byte {
	f := wire.IPv6Fragment{NextHeader: p, Offset: offset, MoreFragments: more, ID: 9}
	return f.Append(nil)
}

const (
	tcp, udp, icmp4, icmp6 = wire.ProtocolTCP, wire.ProtocolUDP, wire.ProtocolICMPv4, wire.ProtocolICMPv6

	moreFragments = 0x2000
)

// What the kernel's filter passes, and the classifier then takes.
var verdicts = []struct {
	name         string
	packet       []byte
	pass, wanted bool
}{
	{"TCP", packet4(own4, tcp, 0, 0x4000, toPort(80)), true, true},
	{"TCP with options", packet4(own4, tcp, 40, 0, toPort(80)), true, true},
	{"TCP to another port", packet4(own4, tcp, 0, 0, toPort(81)), false, false},
	{"TCP to the port of UDP", packet4(own4, tcp, 0, 0, toPort(53)), false, false},
	{"TCP to another host", packet4(peer4, tcp, 0, 0, toPort(80)), false, true}, // the stack knows its addresses
	{"UDP", packet4(own4, udp, 0, 0, toPort(53)), true, true},
	{"UDP to the port of TCP", packet4(own4, udp, 0, 0, toPort(80)), false, false},
	{"UDP to a block", packet4(own4, udp, 0, 0, toPort(40001)), true, false},
	{"UDP in a block", packet4(own4, udp, 0, 0, toPort(40000)), true, true},
	{"cut short", packet4(own4, tcp, 0, 0, nil), false, false},
	{"SCTP", packet4(own4, 132, 0, 0, toPort(80)), false, false},
	{"later fragment of nothing", packet4(own4, udp, 0, 5, toPort(53)), true, false},
	{"first fragment of others", packet4(own4, udp, 0, moreFragments, toPort(54)), false, false},
	{"first fragment", packet4(own4, udp, 0, moreFragments, toPort(53)), true, true},
	{"second fragment", packet4(own4, udp, 0, moreFragments|5, toPort(99)), true, true},
	{"third fragment", packet4(own4, udp, 0, 6, toPort(99)), true, true},
	{"fragment of another protocol", packet4(own4, tcp, 0, 6, toPort(80)), true, false},
	{"echo", packet4(own4, icmp4, 0, 0, icmp(8)), false, false},
	{"echo reply", packet4(own4, icmp4, 0, 0, icmp(0)), true, true},
	{"unreachable", packet4(own4, icmp4, 4, 0, icmp(3)), true, true},
	{"time exceeded", packet4(own4, icmp4, 0, 0, icmp(11)), true, true},
	{"redirect", packet4(own4, icmp4, 0, 0, icmp(5)), false, false},
	{"IPv6 TCP", packet6(own6, tcp, nil, toPort(80)), true, true},
	{"IPv6 TCP to another port", packet6(own6, tcp, nil, toPort(443)), false, false},
	{"IPv6 TCP to another host", packet6(peer6, tcp, nil, toPort(80)), false, true},
	{"IPv6 UDP", packet6(own6, udp, nil, toPort(53)), true, true},
	{"IPv6 options, TCP", packet6(own6, wire.ProtocolDestination, []byte{6, 0, 1, 4, 0, 0, 0, 0}, toPort(80)), true, true},
	{"IPv6 options, another port", packet6(own6, wire.ProtocolDestination, []byte{6, 0, 1, 4, 0, 0, 0, 0}, toPort(81)), true, false},
	{"IPv6 bad options", packet6(own6, wire.ProtocolDestination, []byte{6, 9, 1, 4, 0, 0, 0, 0}, toPort(80)), true, false},
	{"IPv6 first fragment", packet6(own6, wire.ProtocolFragment, fragment6(udp, 0, true), toPort(53)), true, true},
	{"IPv6 second fragment", packet6(own6, wire.ProtocolFragment, fragment6(udp, 8, false), toPort(99)), true, true},
	{"IPv6 fragment of others", packet6(own6, wire.ProtocolFragment, fragment6(tcp, 8, false), toPort(80)), true, false},
	{"solicitation", packet6(own6, icmp6, nil, icmp(135)), false, false},
	{"IPv6 echo", packet6(own6, icmp6, nil, icmp(128)), false, false},
	{"IPv6 echo reply", packet6(own6, icmp6, nil, icmp(129)), true, true},
	{"too big", packet6(own6, icmp6, nil, icmp(2)), true, true},
	{"no IP", []byte{0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false, false},
	{"nothing", nil, false, false},
}

func TestFilterAndClassifier(t *testing.T) {
	var c classifier
	keys := []portKey{80, 8080, firstUDP + 53, firstUDP + 40000}
	for _, k := range keys {
		c.ports.add(k)
	}
	f := filter{loopback: 1, addrs: []netip.Addr{peer6.Next(), own4, own6}, ports: rangesOf(keys, maxRanges)}
	vm := newVM(t, &f)
	for _, v := range verdicts {
		pass, err := vm.Run(v.packet)
		if err != nil {
			t.Fatal(err)
		}
		if (pass > 0) != v.pass {
			t.Errorf("%s: the filter passes %d bytes, want %v", v.name, pass, v.pass)
		}
		if got := c.wants(v.packet); got != v.wanted {
			t.Errorf("%s: wanted %v, want %v", v.name, got, v.wanted)
		}
	}
}

// newVM runs a filter as the kernel does, but for what the machine does not know: of
// the frame's type it loads toHost, of the interface's index the packet's length,
// which must not be the loopback's.
func newVM(t *testing.T, f *filter) *bpf.VM {
	t.Helper()
	raw, err := f.assemble()
	if err != nil {
		t.Fatal(err)
	}
	code, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program cannot be disassembled")
	}
	if len(code) > 4090 {
		t.Fatalf("%d instructions", len(code))
	}
	for i, ins := range code {
		switch ins {
		case bpf.LoadExtension{Num: bpf.ExtType}:
			code[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: toHost}
		case bpf.LoadExtension{Num: bpf.ExtInterfaceIndex}:
			code[i] = bpf.LoadExtension{Num: bpf.ExtLen}
		}
	}
	vm, err := bpf.NewVM(code)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// The largest filter finds every port, and fits.
func TestFilterLarge(t *testing.T) {
	var addrs []netip.Addr
	a4, a6 := own4, own6
	for range maxAddrs {
		addrs = append(addrs, a4, a6)
		a4, a6 = a4.Next(), a6.Next()
	}
	var keys []portKey
	for i := range portKey(maxRanges / 2) {
		keys = append(keys, 1000+2*i)
	}
	for i := range portKey(maxRanges / 2) {
		keys = append(keys, firstUDP+1001+2*i)
	}
	f := filter{loopback: 1, addrs: addrs, ports: rangesOf(keys, maxRanges)}
	if len(f.ports) != maxRanges {
		t.Fatalf("%d ranges, want %d", len(f.ports), maxRanges)
	}
	vm := newVM(t, &f)
	pass := func(packet []byte) bool {
		n, err := vm.Run(packet)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	for port := range uint16(2000) {
		want := port >= 1000 && port < 1000+maxRanges
		even := want && port%2 == 0
		for name, got := range map[string]bool{
			"TCP":      pass(packet4(a4.Prev(), tcp, 0, 0, toPort(port))) == even,
			"UDP":      pass(packet4(own4, udp, 0, 0, toPort(port))) == (want && !even),
			"IPv6 TCP": pass(packet6(own6, tcp, nil, toPort(port))) == even,
			"IPv6 UDP": pass(packet6(a6.Prev(), udp, nil, toPort(port))) == (want && !even),
		} {
			if !got {
				t.Fatal(fmt.Sprint(name, port))
			}
		}
	}
	// With one address more, none is looked at.
	f.addrs = append(f.addrs, a4, a6)
	vm = newVM(t, &f)
	if !pass(packet4(peer4.Next(), tcp, 0, 0, toPort(1000))) || !pass(packet6(netip.MustParseAddr("2001:db8::"), tcp, nil, toPort(1000))) {
		t.Error("addresses are looked at")
	}
}

func FuzzClassifier(f *testing.F) {
	for _, v := range verdicts {
		f.Add(v.packet)
	}
	c := &classifier{}
	c.ports.add(80)
	f.Fuzz(func(t *testing.T, b []byte) { c.wants(b) })
}
