package crosscheck

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

// lossy is how much a bulk test carries in each direction where packets are lost: so
// much that some of it must be, in super-segments too. Elsewhere it is bulk.
const lossy = 100 << 20

// payload returns n bytes that are the same for a seed and like no others, and
// the place where their SHA-256 can be read once they are all taken.
func payload(seed byte, n int64) (io.Reader, hash.Hash) {
	sum := sha256.New()
	source := rand.NewChaCha8([32]byte{seed})
	return io.TeeReader(io.LimitReader(source, n), sum), sum
}

// payloadSum returns the SHA-256 of a payload.
func payloadSum(seed byte, n int64) hash.Hash {
	body, sum := payload(seed, n)
	io.Copy(io.Discard, body)
	return sum
}

// A sink counts and hashes what a program or a connection brings. It may be
// looked at only when the bringer has finished.
type sink struct {
	sum   hash.Hash
	count atomic.Int64
}

func newSink() *sink { return &sink{sum: sha256.New()} }

func (s *sink) Write(b []byte) (int, error) {
	s.count.Add(int64(len(b)))
	return s.sum.Write(b)
}

// wantSame fails the test unless the sink got n bytes that hash to want.
func (s *sink) wantSame(t testing.TB, what string, n int64, want hash.Hash) {
	t.Helper()
	if got := s.count.Load(); got != n {
		t.Fatalf("%s: %d bytes of %d arrived", what, got, n)
	}
	if a, b := s.sum.Sum(nil), want.Sum(nil); string(a) != string(b) {
		t.Fatalf("%s: SHA-256 %x arrived, %x was sent", what, a, b)
	}
}

// rate says how fast something went, for the log.
func rate(n int64, since time.Time) string {
	d := time.Since(since)
	return fmt.Sprintf("%d MiB in %.2f s, %.0f Mbit/s", n>>20, d.Seconds(), float64(n)*8/1e6/d.Seconds())
}
