package siphash

import (
	"encoding/binary"
	"math/bits"
	"testing"
)

// The values of the authors' program for the messages 00, 00 01, and so on, under the
// key 00 01 ... 0f, as bytes; the last is the example of the paper's appendix A.
var reference = [...]uint64{
	0x310e0edd47db6f72, 0xfd67dc93c539f874, 0x5a4fa9d909806c0d, 0x2d7efbd796666785,
	0xb7877127e09427cf, 0x8da699cd64557618, 0xcee3fe586e46c9cb, 0x37d1018bf50002ab,
	0x6224939a79f5f593, 0xb0e4a90bdf82009e, 0xf3b9dd94c5bb5d7a, 0xa7ad6b22462fb3f4,
	0xfbe50e86bc8f1e75, 0x903d84c02756ea14, 0xeef27a8e90ca23f7, 0xe545be4961ca29a1,
}

func TestReference(t *testing.T) {
	var key Key
	message := make([]byte, len(reference))
	for i := range key {
		key[i], message[i] = byte(i), byte(i)
	}
	for n, bytes := range reference {
		want := bits.ReverseBytes64(bytes)
		if got := key.Sum(message[:n]); got != want {
			t.Errorf("of %d bytes: %016x, want %016x", n, got, want)
		}
	}
	if got := key.Sum(message[:15]); got != 0xa129ca6149be45e5 {
		t.Errorf("the paper's example: %016x", got)
	}
}

// Each bit of the key and of the message counts.
func TestEachBitCounts(t *testing.T) {
	seen := map[uint64]string{}
	add := func(what string, sum uint64) {
		t.Helper()
		if other, ok := seen[sum]; ok {
			t.Errorf("%s has the value of %s", what, other)
		}
		seen[sum] = what
	}
	var key Key
	message := make([]byte, 37)
	add("nothing", key.Sum(message))
	for i := range 8 * len(key) {
		key[i/8] ^= 1 << (i % 8)
		add("a bit of the key", key.Sum(message))
		key[i/8] ^= 1 << (i % 8)
	}
	for i := range 8 * len(message) {
		message[i/8] ^= 1 << (i % 8)
		add("a bit of the message", key.Sum(message))
		message[i/8] ^= 1 << (i % 8)
	}
	add("a byte less", key.Sum(message[1:]))
}

func TestNoAllocation(t *testing.T) {
	var key Key
	if n := testing.AllocsPerRun(100, func() {
		var message [37]byte
		binary.BigEndian.PutUint64(message[:], key.Sum(message[:]))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSum(b *testing.B) {
	var key Key
	var message [37]byte
	for b.Loop() {
		binary.BigEndian.PutUint64(message[:], key.Sum(message[:]))
	}
}
