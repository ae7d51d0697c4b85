package wire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// ARPOperation is the opcode of an ARP packet.
type ARPOperation uint16

// The opcodes of RFC 826.
const (
	ARPRequest ARPOperation = 1
	ARPReply   ARPOperation = 2
)

// String returns the operation's name.
func (o ARPOperation) String() string {
	switch o {
	case ARPRequest:
		return "request"
	case ARPReply:
		return "reply"
	}
	return "ARP operation " + strconv.Itoa(int(o))
}

// arpEthernet is the hardware space of Ethernet (RFC 826: "ares_hrd$Ethernet").
const arpEthernet = 1

// ARPLen is the length in bytes of an ARP packet for IPv4 over Ethernet.
const ARPLen = 28

// ARP is an ARP packet for IPv4 over Ethernet (RFC 826).
type ARP struct {
	Operation ARPOperation
	SenderMAC MAC
	Sender    netip.Addr
	TargetMAC MAC
	Target    netip.Addr
}

// ParseARP parses the ARP packet that b starts with.
func ParseARP(b []byte) (a ARP, r Reason) {
	switch {
	case len(b) < 8:
		return a, ReasonARPTruncated
	case binary.BigEndian.Uint16(b) != arpEthernet || b[4] != 6:
		return a, ReasonARPHardware
	case binary.BigEndian.Uint16(b[2:]) != uint16(EtherTypeIPv4) || b[5] != 4:
		return a, ReasonARPProtocol
	case len(b) < ARPLen:
		return a, ReasonARPTruncated
	}
	a.Operation = ARPOperation(binary.BigEndian.Uint16(b[6:]))
	a.SenderMAC, a.Sender = MAC(b[8:14]), netip.AddrFrom4([4]byte(b[14:18]))
	a.TargetMAC, a.Target = MAC(b[18:24]), netip.AddrFrom4([4]byte(b[24:28]))
	return a, OK
}

// Append appends the packet to b. Sender and Target must be IPv4 addresses.
func (a *ARP) Append(b []byte) []byte {
	sender, target := a.Sender.As4(), a.Target.As4()
	b = binary.BigEndian.AppendUint16(b, arpEthernet)
	b = binary.BigEndian.AppendUint16(b, uint16(EtherTypeIPv4))
	b = append(b, 6, 4, byte(a.Operation>>8), byte(a.Operation))
	b = append(b, a.SenderMAC[:]...)
	b = append(b, sender[:]...)
	b = append(b, a.TargetMAC[:]...)
	return append(b, target[:]...)
}
