package host

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
)

// This file is what a resolver above the host borrows of it.

// Clock returns the host's clock.
func (h *Host) Clock() Clock { return h.clock }

// Rand returns the host's source of random numbers, which many may read at once.
func (h *Host) Rand() io.Reader { return randReader{h} }

type randReader struct{ h *Host }

func (r randReader) Read(b []byte) (int, error) {
	if err := r.h.random(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// unpredictableTries bounds the guesses at a free port: with half of them taken,
// one of a million dials fails.
const unpredictableTries = 20

// DialUnpredictableUDP is DialUDP from a port that cannot be guessed from those
// before it, as ephemeral ones can: by RFC 6056, 3.3.3 they follow one another.
func (h *Host) DialUnpredictableUDP(remote netip.AddrPort) (*UDPConn, error) {
	for range unpredictableTries {
		var b [2]byte
		if err := h.random(b[:]); err != nil {
			return nil, err
		}
		port := firstEphemeral + binary.BigEndian.Uint16(b[:])%numEphemeral
		c, err := h.DialUDP(netip.AddrPortFrom(netip.Addr{}, port), remote)
		if !errors.Is(err, ErrAddrInUse) {
			return c, err
		}
	}
	return nil, ErrNoPorts
}
