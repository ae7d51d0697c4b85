package xdp

import (
	"bytes"
	"math"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

// inMemory returns a ring that no kernel has, whose numbers begin at first.
func inMemory[T any](n int, first uint32) ring[T] {
	producer, consumer := first, first
	return ring[T]{producer: &producer, consumer: &consumer, flags: new(uint32), entries: make([]T, n)}
}

// A Send takes what there are frames for, and goes on with those that the kernel
// gives back, also where the rings' numbers wrap. The test is the kernel.
func TestSendFull(t *testing.T) {
	const first = math.MaxUint32 - 100
	s := &socket{frameSize: 2048, maxFrame: 1514, frames: make([]byte, (rxFrames+txFrames)*2048)}
	s.tx.init(s)
	defer s.tx.close()
	s.tx.ring, s.tx.done = inMemory[unix.XDPDesc](txFrames, first), inMemory[uint64](txFrames, first)
	batch := make([]link.Packet, txFrames+10)
	for i := range batch {
		batch[i].Data = [][]byte{{byte(i)}, nil, {byte(i >> 8), 1}}
	}
	if n, err := s.tx.send(batch); n != txFrames || err != nil {
		t.Fatalf("Send = %d, %v, want %d packets", n, err, txFrames)
	}
	if n, err := s.tx.send(batch); n != 0 || err != nil {
		t.Fatalf("Send into a full ring = %d, %v, want 0 packets", n, err)
	}
	sent := 0
	take := func(n int) {
		t.Helper()
		for range n {
			d := *s.tx.ring.entry(*s.tx.ring.consumer)
			if want := []byte{byte(sent), byte(sent >> 8), 1}; d.Addr < rxFrames*2048 || !bytes.Equal(s.frames[d.Addr:][:d.Len], want) {
				t.Fatalf("frame %d at %d has %x, want %x", sent, d.Addr, s.frames[d.Addr:][:d.Len], want)
			}
			*s.tx.done.entry(*s.tx.done.producer) = d.Addr
			*s.tx.ring.consumer++
			*s.tx.done.producer++
			sent++
		}
	}
	take(7)
	if n, err := s.tx.send(batch[txFrames:]); n != 7 || err != nil {
		t.Fatalf("Send = %d, %v, want 7 packets", n, err)
	}
	take(txFrames)
	if n, err := s.tx.send(batch[txFrames+7:]); n != 3 || err != nil {
		t.Fatalf("Send = %d, %v, want 3 packets", n, err)
	}
	take(3)
	s.tx.reclaim()
	seen := map[uint64]bool{}
	for _, at := range s.tx.free {
		seen[at] = true
	}
	if len(s.tx.free) != txFrames || len(seen) != txFrames {
		t.Errorf("%d frames are free in the end, %d of them different; want %d", len(s.tx.free), len(seen), txFrames)
	}
}

// A frame holds what the MTU promises, behind the kernel's room.
func TestFrameSize(t *testing.T) {
	for _, tt := range []struct{ mtu, want int }{{1500, 2048}, {1778, 2048}, {1779, 4096}, {3826, 4096}, {3827, 0}, {9000, 0}} {
		if got := frameSize(tt.mtu); got != tt.want {
			t.Errorf("frames for an MTU of %d have %d bytes, want %d", tt.mtu, got, tt.want)
		}
	}
}
