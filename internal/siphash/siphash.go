// Package siphash is SipHash-2-4 of Aumasson and Bernstein ("SipHash: a fast short-input
// PRF", 2012): a pseudorandom function of a short message under a secret key. Who does
// not know the key cannot tell what it returns from random numbers, however many
// values of his own choice he has seen.
//
// It makes what must not be guessed from outside: sequence numbers (RFC 6528),
// ephemeral ports (RFC 6056), interface identifiers (RFC 7217). Linux takes it for the
// first two as well. SHA-256 would serve as well, at 0.23 MB in each program and twice
// the time (a four-tuple in 145 ns, not 70).
package siphash

import (
	"encoding/binary"
	"math/bits"
)

// A Key is the secret: 16 bytes, all of them random.
type Key [16]byte

// Sum returns the value of message under k.
func (k *Key) Sum(message []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])
	s := state{
		k0 ^ 0x736f6d6570736575, // 2.1: "somepseudorandomlygeneratedbytes"
		k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573,
	}
	// 2.2: the last word ends with the length modulo 256.
	last := uint64(len(message)) << 56
	for ; len(message) >= 8; message = message[8:] {
		s.compress(binary.LittleEndian.Uint64(message))
	}
	for i, b := range message {
		last |= uint64(b) << (8 * i)
	}
	s.compress(last)

	s[2] ^= 0xff // 2.3
	for range 4 {
		s.round()
	}
	return s[0] ^ s[1] ^ s[2] ^ s[3]
}

// state is the paper's v0 to v3.
type state [4]uint64

func (s *state) compress(word uint64) {
	s[3] ^= word
	s.round()
	s.round()
	s[0] ^= word
}

// round is the paper's SipRound.
func (s *state) round() {
	v0, v1, v2, v3 := s[0], s[1], s[2], s[3]
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v1
	v0 += v3
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 = bits.RotateLeft64(v2, 32)
	s[0], s[1], s[2], s[3] = v0, v1, v2, v3
}
