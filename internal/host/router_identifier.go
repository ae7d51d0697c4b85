package host

import (
	"encoding/binary"
	"net/netip"

	"github.com/usernet-go/usernet/internal/siphash"
)

// linkLocalPrefix is that of RFC 4291, 2.5.6.
var linkLocalPrefix = netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80}), 64)

// stableIdentifiers makes the interface identifiers of RFC 7217, 5: RID =
// F(Prefix, Net_Iface, Network_ID, DAD_Counter, secret_key). RFC 8064, 3, has them
// preferred to those that are made of the MAC. Net_Iface is the interface's name,
// which outlives its MAC where that is random; Network_ID, which is optional, is
// not known.
type stableIdentifiers struct {
	secret siphash.Key
	iface  string
}

// address returns the address of a prefix of 64 bits that counter, the number of
// duplicates before it, leads to.
func (s *stableIdentifiers) address(prefix netip.Prefix, counter uint8) netip.Addr {
	a := prefix.Masked().Addr().As16()
	in := append(make([]byte, 0, 64), a[:8]...)
	in = append(in, byte(prefix.Bits()), counter)
	in = append(in, s.iface...)
	// RFC 7217, 5: "F() SHOULD produce an output of at least 64 bits."
	binary.BigEndian.PutUint64(a[8:], s.secret.Sum(in))
	return netip.AddrFrom16(a)
}

// identifierKey makes the key of stableIdentifiers from a secret of any length. Its halves
// are values of the secret under two keys that everybody knows: it is about as
// hard to guess as the secret, up to 128 bits. Under known keys SipHash does not promise
// that who learns the key does not learn the secret.
func identifierKey(secret []byte) (key siphash.Key) {
	for half := range 2 {
		known := siphash.Key{byte(half)}
		binary.BigEndian.PutUint64(key[8*half:], known.Sum(secret))
	}
	return key
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
