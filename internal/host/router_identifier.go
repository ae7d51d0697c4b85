package host

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
)

// linkLocalPrefix is that of RFC 4291, 2.5.6.
var linkLocalPrefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80}), 64)

// stableIdentifiers makes the interface identifiers of RFC 7217, 5: RID =
// F(Prefix, Net_Iface, Network_ID, DAD_Counter, secret_key). RFC 8064, 3, has them
// preferred to those that are made of the MAC. Net_Iface is the interface's name,
// which outlives its MAC where that is random; Network_ID, which is optional, is
// not known.
type stableIdentifiers struct {
	secret [32]byte
	iface  string
}

// address returns the address of a prefix of 64 bits that counter, the number of
// duplicates before it, leads to.
func (s *stableIdentifiers) address(prefix netip.Prefix, counter uint8) netip.Addr {
	a := prefix.Masked().Addr().As16()
	h := sha256.New() // a hash in memory: its Write has no error
	h.Write(s.secret[:])
	h.Write(a[:8])
	h.Write([]byte{byte(prefix.Bits()), counter, byte(len(s.iface))})
	h.Write([]byte(s.iface))
	// "The Interface Identifier is finally obtained by taking as many bits from the RID
	// value [...] as necessary, starting from the least significant bit."
	sum := h.Sum(nil)
	copy(a[8:], sum[len(sum)-8:])
	return netip.AddrFrom16(a)
}

// isReservedIdentifier says whether a has one of the reserved interface
// identifiers of RFC 5453: routers' anycast, those of RFC 2526 and of IANA's
// Ethernet block.
func isReservedIdentifier(a netip.Addr) bool {
	b := a.As16()
	id := binary.BigEndian.Uint64(b[8:])
	return id == 0 || id >= 0xfdffffffffffff80 && id <= 0xfdffffffffffffff ||
		id>>24 == 0x0200_5eff_fe
}
