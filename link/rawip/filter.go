package rawip

import (
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"

	"github.com/usernet-go/usernet/wire"
)

// The kernel's filter keeps the host's other traffic from being copied: it passes
// packets to the host's addresses that are TCP or UDP to the stack's ports, or ICMP
// errors or echo replies. What it cannot look into, it passes too: fragments but
// the first, and packets with IPv6 extension headers; the classifier does that. It
// is replaced when a port comes that it does not pass. Where there are too many
// ports, it passes some between them.
const (
	maxRanges = 256     // of ports: 8 instructions each
	maxAddrs  = 24      // of each family: where there are more, none is looked at
	takeAll   = 1 << 18 // bytes
	udpKey    = uint32(firstUDP)
	toHost    = 0 // PACKET_HOST: the frame was to this station
)

// A program is classic BPF in the making. Jumps go to labels; a conditional one
// reaches 255 instructions, so that it skips an unconditional one.
type program struct {
	code    []bpf.Instruction
	jumps   map[int]label // instruction: where it goes
	targets []int         // of labels
}

type label int

func (p *program) emit(ins ...bpf.Instruction) { p.code = append(p.code, ins...) }

func (p *program) newLabel() label {
	p.targets = append(p.targets, -1)
	return label(len(p.targets) - 1)
}

func (p *program) place(l label) { p.targets[l] = len(p.code) }

func (p *program) jump(to label) {
	p.jumps[len(p.code)] = to
	p.emit(bpf.Jump{})
}

// jumpIf goes on at to if A cond v, otherwise with what follows.
func (p *program) jumpIf(cond bpf.JumpTest, v uint32, to label) {
	p.emit(bpf.JumpIf{Cond: cond, Val: v, SkipFalse: 1})
	p.jump(to)
}

func (p *program) assemble() ([]bpf.RawInstruction, error) {
	for at, to := range p.jumps {
		p.code[at] = bpf.Jump{Skip: uint32(p.targets[to] - at - 1)}
	}
	raw, err := bpf.Assemble(p.code)
	if err != nil {
		return nil, fmt.Errorf("rawip: filter: %w", err)
	}
	return raw, nil
}

// A filter is what the kernel is to pass.
type filter struct {
	loopback uint32 // index of the loopback interface
	addrs    []netip.Addr
	ports    []portRange
}

// assemble returns the program for packets that begin with the IP header.
func (f *filter) assemble() ([]bpf.RawInstruction, error) {
	p := &program{jumps: make(map[int]label)}
	take, drop, ports, v6 := p.newLabel(), p.newLabel(), p.newLabel(), p.newLabel()
	// RFC 1122, 3.3.6: "A host SHOULD silently discard a datagram that is received via
	// a link-layer broadcast (see Section 2.4) but does not specify an IP multicast or
	// broadcast destination address." The link layer's header does not reach the stack.
	p.emit(bpf.LoadExtension{Num: bpf.ExtType})
	p.jumpIf(bpf.JumpNotEqual, toHost, drop)
	// What the host sends to itself is the kernel's.
	p.emit(bpf.LoadExtension{Num: bpf.ExtInterfaceIndex})
	p.jumpIf(bpf.JumpEqual, f.loopback, drop)
	p.emit(bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
	p.jumpIf(bpf.JumpEqual, 0x60, v6)
	p.jumpIf(bpf.JumpNotEqual, 0x40, drop)
	f.ipv4(p, take, drop, ports)
	p.place(v6)
	f.ipv6(p, take, drop, ports)
	p.place(ports)
	searchPorts(p, f.ports, take, drop)
	p.place(take)
	p.emit(bpf.RetConstant{Val: takeAll})
	p.place(drop)
	p.emit(bpf.RetConstant{Val: 0})
	return p.assemble()
}

// ipv4 goes to ports with the port's key in A.
func (f *filter) ipv4(p *program, take, drop, ports label) {
	var own []uint32
	for _, a := range f.addrs {
		if a.Is4() {
			b := a.As4()
			own = append(own, word(b[:]))
		}
	}
	if len(own) <= maxAddrs {
		ours := p.newLabel()
		p.emit(bpf.LoadAbsolute{Off: 16, Size: 4})
		for _, w := range own {
			p.jumpIf(bpf.JumpEqual, w, ours)
		}
		p.jump(drop)
		p.place(ours)
	}
	udp, icmp, transport := p.newLabel(), p.newLabel(), p.newLabel()
	p.emit(
		bpf.LoadConstant{Dst: bpf.RegA, Val: 0}, bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.LoadAbsolute{Off: 9, Size: 1},
	)
	p.jumpIf(bpf.JumpEqual, uint32(wire.ProtocolTCP), transport)
	p.jumpIf(bpf.JumpEqual, uint32(wire.ProtocolUDP), udp)
	p.jumpIf(bpf.JumpEqual, uint32(wire.ProtocolICMPv4), icmp)
	p.jump(drop)
	p.place(udp)
	p.emit(bpf.LoadConstant{Dst: bpf.RegA, Val: udpKey}, bpf.StoreScratch{Src: bpf.RegA, N: 0})
	p.place(transport)
	takeLater(p, take)
	p.emit(
		bpf.LoadScratch{Dst: bpf.RegX, N: 0}, bpf.StoreScratch{Src: bpf.RegX, N: 1},
		bpf.LoadMemShift{Off: 0}, bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.LoadScratch{Dst: bpf.RegX, N: 1}, bpf.ALUOpX{Op: bpf.ALUOpAdd},
	)
	p.jump(ports)
	p.place(icmp)
	takeLater(p, take)
	p.emit(bpf.LoadMemShift{Off: 0}, bpf.LoadIndirect{Off: 0, Size: 1})
	for _, t := range icmpTypes {
		p.jumpIf(bpf.JumpEqual, uint32(t), take)
	}
	p.jump(drop)
}

// takeLater takes fragments but the first.
func takeLater(p *program, take label) {
	p.emit(bpf.LoadAbsolute{Off: 6, Size: 2})
	p.jumpIf(bpf.JumpBitsSet, fragmentOffset, take)
}

// ipv6 goes to ports with the port's key in A.
func (f *filter) ipv6(p *program, take, drop, ports label) {
	var own [][16]byte
	for _, a := range f.addrs {
		if a.Is6() {
			own = append(own, a.As16())
		}
	}
	if len(own) <= maxAddrs {
		ours := p.newLabel()
		for _, a := range own {
			next := p.newLabel()
			for i := 12; i >= 0; i -= 4 { // the last word differs most
				p.emit(bpf.LoadAbsolute{Off: 24 + uint32(i), Size: 4})
				p.jumpIf(bpf.JumpNotEqual, word(a[i:]), next)
			}
			p.jump(ours)
			p.place(next)
		}
		p.jump(drop)
		p.place(ours)
	}
	tcp, udp, icmp := p.newLabel(), p.newLabel(), p.newLabel()
	p.emit(bpf.LoadAbsolute{Off: 6, Size: 1})
	p.jumpIf(bpf.JumpEqual, uint32(wire.ProtocolTCP), tcp)
	p.jumpIf(bpf.JumpEqual, uint32(wire.ProtocolUDP), udp)
	p.jumpIf(bpf.JumpEqual, uint32(wire.ProtocolICMPv6), icmp)
	for _, h := range extensionHeaders {
		p.jumpIf(bpf.JumpEqual, uint32(h), take)
	}
	p.jump(drop)
	p.place(tcp)
	p.emit(bpf.LoadAbsolute{Off: wire.IPv6Len + 2, Size: 2})
	p.jump(ports)
	p.place(udp)
	p.emit(bpf.LoadAbsolute{Off: wire.IPv6Len + 2, Size: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: udpKey})
	p.jump(ports)
	p.place(icmp)
	p.emit(bpf.LoadAbsolute{Off: wire.IPv6Len, Size: 1})
	for _, t := range icmp6Types {
		p.jumpIf(bpf.JumpEqual, uint32(t), take)
	}
	p.jump(drop)
}

// searchPorts looks for the key in A by halving.
func searchPorts(p *program, ranges []portRange, take, drop label) {
	switch len(ranges) {
	case 0:
		p.jump(drop)
	case 1:
		p.jumpIf(bpf.JumpLessThan, uint32(ranges[0].first), drop)
		p.jumpIf(bpf.JumpGreaterThan, uint32(ranges[0].last), drop)
		p.jump(take)
	default:
		half, upper := len(ranges)/2, p.newLabel()
		p.jumpIf(bpf.JumpGreaterOrEqual, uint32(ranges[half].first), upper)
		searchPorts(p, ranges[:half], take, drop)
		p.place(upper)
		searchPorts(p, ranges[half:], take, drop)
	}
}

func word(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
