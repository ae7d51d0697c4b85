package packet

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/bpf"

	"github.com/usernet-go/usernet/wire"
)

const (
	takeAll         = 1 << 18    // bytes: more than any packet has
	maxInstructions = 4096       // the kernel's bound
	networkOffset   = 0xfff00000 // SKF_NET_OFF: what follows counts from the network header
	firstSpecial    = 0xfff00000 // offsets from here on do not count from the frame's start
	otherHost       = 3          // PACKET_OTHERHOST

	etherTypeServiceVLAN = 0x88a8 // IEEE 802.1ad
)

// linkFilter returns the program that passes the frames of a station: to its
// address, to groups and to all. What bears a tag of a VLAN is not the station's,
// but the kernel has taken the tag off and put it beside the frame, so that to
// whoever does not ask it looks like one without; VLAN 0 means a priority only
// (IEEE 802.1Q). A second tag is still in the frame.
func linkFilter(mac wire.MAC) ([]bpf.RawInstruction, error) {
	const drop = 255 // SkipTrue of a jump to the end, until it is known where that is
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 1, SkipTrue: 4},
		bpf.LoadAbsolute{Off: 0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(mac[:]), SkipTrue: drop},
		bpf.LoadAbsolute{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(binary.BigEndian.Uint16(mac[4:])), SkipTrue: drop},

		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x0fff, SkipTrue: drop},
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(wire.EtherTypeVLAN), SkipTrue: drop},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherTypeServiceVLAN, SkipTrue: drop},
		bpf.RetConstant{Val: takeAll},
		bpf.RetConstant{},
	}
	for i, ins := range program {
		if j, ok := ins.(bpf.JumpIf); ok && j.SkipTrue == drop {
			j.SkipTrue = uint8(len(program) - 1 - (i + 1))
			program[i] = j
		}
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("packet: filter: %w", err)
	}
	return raw, nil
}

// tapFilter returns the program that passes what f passes, whose offsets count
// from the IP header; f nil: all. A packet socket's filter counts from the link
// header, which has another length on each kind of interface.
func tapFilter(f []bpf.RawInstruction) ([]bpf.RawInstruction, error) {
	// A device in promiscuous mode also shows frames that are none of the host's;
	// so does one with a VLAN that the host has not.
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: otherHost, SkipTrue: 1},
		bpf.RetConstant{},
	})
	if err != nil {
		return nil, fmt.Errorf("packet: filter: %w", err)
	}
	if len(f) == 0 {
		f = []bpf.RawInstruction{{Op: opReturn, K: takeAll}}
	}
	if len(program)+len(f) > maxInstructions {
		return nil, fmt.Errorf("packet: a filter of %d instructions; want %d at most", len(f), maxInstructions-len(program))
	}
	for i, ins := range f {
		if loadsPacket(ins.Op) && ins.K < firstSpecial {
			if ins.K > 0xffff {
				return nil, fmt.Errorf("packet: filter: instruction %d loads from offset %d; want 65535 at most", i, ins.K)
			}
			ins.K += networkOffset
		}
		program = append(program, ins)
	}
	return program, nil
}

const opReturn = 0x06 // BPF_RET | BPF_K

// loadsPacket says that the offset K of an instruction is one in the packet.
func loadsPacket(op uint16) bool {
	const (
		classLoad, classLoadX      = 0, 1
		absolute, indirect, nybble = 0x20, 0x40, 0xa0
	)
	switch class, mode := op&7, op&0xe0; class {
	case classLoad:
		return mode == absolute || mode == indirect
	case classLoadX:
		return mode == nybble
	}
	return false
}
