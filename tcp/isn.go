package tcp

import (
	"encoding/binary"
	"io"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/internal/random"
	"github.com/usernet-go/usernet/internal/siphash"
	"github.com/usernet-go/usernet/internal/text"
)

// ISN chooses initial sequence numbers and timestamp offsets for the
// connections of a stack (RFC 6528). It may be used by many goroutines.
type ISN struct {
	key siphash.Key
}

// NewISN returns a generator whose secret is read from source; nil means the
// operating system's secure numbers.
func NewISN(source io.Reader) (*ISN, error) {
	if source == nil {
		source = random.Reader
	}
	i := new(ISN)
	if _, err := io.ReadFull(source, i.key[:]); err != nil {
		return nil, text.Errorf("tcp: secret for sequence numbers: %w", err)
	}
	return i, nil
}

// ISS returns the initial send sequence number of a connection that is opened
// at now. The zone tells links apart where remote is of link-local scope, and is 0
// elsewhere.
func (i *ISN) ISS(now time.Time, local, remote netip.AddrPort, zone uint32) Seq {
	// RFC 6528, 3: "ISN = M + F(localip, localport, remoteip, remoteport,
	// secretkey) where M is the 4 microsecond timer, and F() is a pseudorandom
	// function (PRF) of the connection-id. F() MUST NOT be computable from the
	// outside" (RFC 9293: MUST-8, MUST-9, SHLD-1).
	m := uint32(now.UnixMicro() / 4)
	return Seq(m + i.prf(local, remote, zone, 'S'))
}

// TSOffset returns what is added to the timestamp clock on a connection. It
// depends on the four-tuple only, so that the timestamps of its connections one
// after another grow, as RFC 6191 wants.
func (i *ISN) TSOffset(local, remote netip.AddrPort, zone uint32) uint32 {
	// RFC 7323, 5.4: "A random offset may be added to the timestamp clock on a
	// per-connection basis. See [RFC6528], Section 3 [...] The same function with
	// a different secret key can be used"
	return i.prf(local, remote, zone, 'T')
}

// prf is the pseudorandom function of purpose and connection-id under the secret key.
func (i *ISN) prf(local, remote netip.AddrPort, zone uint32, purpose byte) uint32 {
	var b [1 + 2*18 + 4]byte
	b[0] = purpose
	putAddrPort(b[1:], local)
	putAddrPort(b[19:], remote)
	n := 37
	if zone != 0 {
		// RFC 4007, 6: "the same non-global address may be in use in more than one zone":
		// who has it on one link must not learn what becomes of the other's connections.
		binary.BigEndian.PutUint32(b[n:], zone)
		n += 4
	}
	return uint32(i.key.Sum(b[:n]))
}

func putAddrPort(b []byte, a netip.AddrPort) {
	ip := a.Addr().As16()
	copy(b, ip[:])
	binary.BigEndian.PutUint16(b[16:], a.Port())
}
