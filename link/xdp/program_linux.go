package xdp

import (
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	bpflink "github.com/cilium/ebpf/link"

	"github.com/usernet-go/usernet/wire"
)

// What the kernel returns for a frame (enum xdp_action), and where it says what of
// the frame (struct xdp_md).
const (
	actionPass = 2

	contextData    = 0
	contextDataEnd = 4
	contextQueue   = 16
)

const etherTypeServiceVLAN = 0x88a8 // IEEE 802.1ad

// stationProgram returns the program that redirects the frames of one station to
// the socket which the map has for their queue, and passes all others to the
// kernel: those of another station, of groups, those with a tag of a VLAN, and
// those of a queue for which the map has no socket.
func stationProgram(mac wire.MAC, sockets *ebpf.Map) asm.Instructions {
	const pass = "pass"
	// As a load in the machine's order finds what lies in memory in the network's.
	loaded16 := func(v uint16) int32 {
		return int32(binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v)))
	}
	return asm.Instructions{
		asm.LoadMem(asm.R2, asm.R1, contextData, asm.Word),
		asm.LoadMem(asm.R3, asm.R1, contextDataEnd, asm.Word),
		asm.Mov.Reg(asm.R4, asm.R2),
		asm.Add.Imm(asm.R4, wire.EthernetLen),
		asm.JGT.Reg(asm.R4, asm.R3, pass),

		asm.LoadMem(asm.R4, asm.R2, 0, asm.Word),
		asm.LoadImm(asm.R5, int64(binary.NativeEndian.Uint32(mac[:])), asm.DWord),
		asm.JNE.Reg(asm.R4, asm.R5, pass),
		asm.LoadMem(asm.R4, asm.R2, 4, asm.Half),
		asm.JNE.Imm(asm.R4, int32(binary.NativeEndian.Uint16(mac[4:])), pass),
		asm.LoadMem(asm.R4, asm.R2, 12, asm.Half),
		asm.JEq.Imm(asm.R4, loaded16(uint16(wire.EtherTypeVLAN)), pass),
		asm.JEq.Imm(asm.R4, loaded16(etherTypeServiceVLAN), pass),

		asm.LoadMem(asm.R2, asm.R1, contextQueue, asm.Word),
		asm.LoadMapPtr(asm.R1, sockets.FD()),
		asm.Mov.Imm(asm.R3, actionPass), // what to return when there is none
		asm.FnRedirectMap.Call(),
		asm.Return(),

		asm.Mov.Imm(asm.R0, actionPass).WithSymbol(pass),
		asm.Return(),
	}
}

// A redirection is the program at an interface and its map. The kernel takes the
// program off the interface with the last descriptor of the connection between the
// two, be it that the process has died.
type redirection struct {
	sockets *ebpf.Map
	at      bpflink.Link
	native  bool
}

// redirect attaches the program of station mac to an interface with so many
// receive queues. The map is empty yet: all frames pass.
func redirect(c Config, index, queues int, mac wire.MAC) (_ *redirection, err error) {
	r := &redirection{}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	r.sockets, err = ebpf.NewMap(&ebpf.MapSpec{Name: "usernet", Type: ebpf.XSKMap, KeySize: 4, ValueSize: 4, MaxEntries: uint32(queues)})
	if err != nil {
		return nil, explainProgram(c, "map of sockets", err)
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "usernet",
		Type:         ebpf.XDP,
		Instructions: stationProgram(mac, r.sockets),
		License:      "BSD",
	})
	if err != nil {
		return nil, explainProgram(c, "program", err)
	}
	defer program.Close() // the connection holds it
	attach := func(flags bpflink.XDPAttachFlags) error {
		r.at, err = bpflink.AttachXDP(bpflink.XDPOptions{Program: program, Interface: index, Flags: flags})
		return err
	}
	if !c.Generic {
		r.native = attach(bpflink.XDPDriverMode) == nil
	}
	// Whatever keeps the driver from it, as that it has no XDP or not at this MTU,
	// the kernel itself may do it.
	if !r.native && attach(bpflink.XDPGenericMode) != nil {
		return nil, explainAttach(c, err)
	}
	return r, nil
}

// add gives the frames of its queue to a socket.
func (r *redirection) add(s *socket) error {
	var err error
	if err := s.control(func(fd int) { err = r.sockets.Update(uint32(s.queue), uint32(fd), ebpf.UpdateAny) }); err != nil {
		return err
	}
	if err != nil {
		return s.fail(fmt.Errorf("map of sockets: %w", err))
	}
	return nil
}

func (r *redirection) close() {
	if r.at != nil {
		r.at.Close()
	}
	if r.sockets != nil {
		r.sockets.Close()
	}
}
