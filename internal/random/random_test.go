package random

import (
	"bytes"
	"testing"
)

func TestReaderFills(t *testing.T) {
	// More than the kernel gives without asking for signals in between.
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for _, p := range [][]byte{a, b, nil} {
		if n, err := Reader.Read(p); n != len(p) || err != nil {
			t.Fatalf("read %d of %d bytes, %v", n, len(p), err)
		}
	}
	if bytes.Equal(a, b) || bytes.Equal(a[len(a)-64:], make([]byte, 64)) {
		t.Error("these numbers are not random")
	}
}
