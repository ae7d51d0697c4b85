package wire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// MAC is an IEEE 802 address of 48 bits.
type MAC [6]byte

// Broadcast is the address of all stations on a link.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// IsBroadcast says that m is the broadcast address.
func (m MAC) IsBroadcast() bool { return m == Broadcast }

// IsMulticast says that m is a group address; the broadcast address is one.
func (m MAC) IsMulticast() bool { return m[0]&1 != 0 }

// IsZero says that m is the zero address.
func (m MAC) IsZero() bool { return m == MAC{} }

// String returns m as "02:00:00:00:00:01".
func (m MAC) String() string {
	const digits = "0123456789abcdef"
	var b [17]byte
	for i, v := range m {
		b[3*i], b[3*i+1] = digits[v>>4], digits[v&15]
		if i < 5 {
			b[3*i+2] = ':'
		}
	}
	return string(b[:])
}

// MulticastMAC returns the address to which packets for the multicast address a
// are sent on Ethernet.
func MulticastMAC(a netip.Addr) MAC {
	if a.Is4() {
		// RFC 1112, 6.4: "placing the low-order 23-bits of the IP address into the
		// low-order 23 bits of the Ethernet multicast address 01-00-5E-00-00-00".
		b := a.As4()
		return MAC{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	// RFC 2464, 7: "whose first two octets are the value 3333 hexadecimal and whose
	// last four octets are the last four octets of DST".
	b := a.As16()
	return MAC{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// EtherType says what an Ethernet frame carries.
type EtherType uint16

// The types known here (IEEE 802 numbers).
const (
	EtherTypeIPv4 EtherType = 0x0800
	EtherTypeARP  EtherType = 0x0806
	EtherTypeVLAN EtherType = 0x8100 // an IEEE 802.1Q tag follows
	EtherTypeIPv6 EtherType = 0x86dd
)

// String returns the type's name.
func (t EtherType) String() string {
	switch t {
	case EtherTypeIPv4:
		return "IPv4"
	case EtherTypeARP:
		return "ARP"
	case EtherTypeVLAN:
		return "802.1Q"
	case EtherTypeIPv6:
		return "IPv6"
	}
	return "EtherType 0x" + strconv.FormatUint(uint64(t), 16)
}

// minEtherType is the least number that is a type; those below are lengths of
// IEEE 802.3 frames (RFC 894, RFC 1042), which nobody sends IP in any more.
const minEtherType EtherType = 0x0600

// Lengths of an Ethernet II header in bytes, without and with one 802.1Q tag.
const (
	EthernetLen       = 14
	EthernetTaggedLen = 18
)

// Ethernet is an Ethernet II header (RFC 894), with at most one IEEE 802.1Q tag.
type Ethernet struct {
	Dst, Src MAC
	Tagged   bool
	VLAN     uint16 // tag control information, when Tagged: priority (3 bits), DEI (1), VLAN (12)
	Type     EtherType
}

// ParseEthernet parses the header of the frame b; n is its length in bytes.
func ParseEthernet(b []byte) (h Ethernet, n int, r Reason) {
	if len(b) < EthernetLen {
		return h, 0, ReasonEthernetTruncated
	}
	h.Dst, h.Src = MAC(b[0:6]), MAC(b[6:12])
	h.Type, n = EtherType(binary.BigEndian.Uint16(b[12:])), EthernetLen
	if h.Type == EtherTypeVLAN {
		if len(b) < EthernetTaggedLen {
			return h, 0, ReasonEthernetTruncated
		}
		h.Tagged, h.VLAN = true, binary.BigEndian.Uint16(b[14:])
		h.Type, n = EtherType(binary.BigEndian.Uint16(b[16:])), EthernetTaggedLen
	}
	if h.Type < minEtherType {
		return h, 0, ReasonEthernetLength
	}
	return h, n, OK
}

// Append appends the header to b.
func (h *Ethernet) Append(b []byte) []byte {
	b = append(b, h.Dst[:]...)
	b = append(b, h.Src[:]...)
	if h.Tagged {
		b = binary.BigEndian.AppendUint16(b, uint16(EtherTypeVLAN))
		b = binary.BigEndian.AppendUint16(b, h.VLAN)
	}
	return binary.BigEndian.AppendUint16(b, uint16(h.Type))
}
