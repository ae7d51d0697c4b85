package tcp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// ISN chooses initial sequence numbers and timestamp offsets for the
// connections of a stack (RFC 6528). It may be used by many goroutines.
type ISN struct {
	key [32]byte
}

// NewISN returns a generator whose secret is read from random; nil means
// crypto/rand.
func NewISN(random io.Reader) (*ISN, error) {
	if random == nil {
		random = rand.Reader
	}
	i := new(ISN)
	if _, err := io.ReadFull(random, i.key[:]); err != nil {
		return nil, fmt.Errorf("tcp: secret for sequence numbers: %w", err)
	}
	return i, nil
}

// ISS returns the initial send sequence number of a connection that is opened
// at now.
func (i *ISN) ISS(now time.Time, local, remote netip.AddrPort) Seq {
	// RFC 6528, 3: "ISN = M + F(localip, localport, remoteip, remoteport,
	// secretkey) where M is the 4 microsecond timer, and F() is a pseudorandom
	// function (PRF) of the connection-id. F() MUST NOT be computable from the
	// outside" (RFC 9293: MUST-8, MUST-9, SHLD-1).
	m := uint32(now.UnixMicro() / 4)
	return Seq(m + i.prf(local, remote, 'S'))
}

// TSOffset returns what is added to the timestamp clock on a connection. It
// depends on the four-tuple only, so that the timestamps of its connections one
// after another grow, as RFC 6191 wants.
func (i *ISN) TSOffset(local, remote netip.AddrPort) uint32 {
	// RFC 7323, 5.4: "A random offset may be added to the timestamp clock on a
	// per-connection basis. See [RFC6528], Section 3 [...] The same function with
	// a different secret key can be used"
	return i.prf(local, remote, 'T')
}

// prf hashes secret, purpose and four-tuple. The input has one length, so that
// a keyed prefix is enough, and HMAC, which allocates, is not needed.
func (i *ISN) prf(local, remote netip.AddrPort, purpose byte) uint32 {
	var b [32 + 1 + 2*18]byte
	copy(b[:], i.key[:])
	b[32] = purpose
	putAddrPort(b[33:], local)
	putAddrPort(b[51:], remote)
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint32(sum[:])
}

func putAddrPort(b []byte, a netip.AddrPort) {
	ip := a.Addr().As16()
	copy(b, ip[:])
	binary.BigEndian.PutUint16(b[16:], a.Port())
}
