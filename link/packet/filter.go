package packet

import (
	"fmt"

	"golang.org/x/net/bpf"
)

const (
	takeAll         = 1 << 18    // bytes: more than any packet has
	maxInstructions = 4096       // the kernel's bound
	networkOffset   = 0xfff00000 // SKF_NET_OFF: what follows counts from the network header
	firstSpecial    = 0xfff00000 // offsets from here on do not count from the frame's start
	otherHost       = 3          // PACKET_OTHERHOST
)

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
