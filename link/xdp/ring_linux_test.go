package xdp

import (
	"bytes"
	"errors"
	"math"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
)

// inMemory returns a ring that no kernel has, whose numbers begin at first.
func inMemory[T any](n int, first uint32) ring[T] {
	producer, consumer := first, first
	return ring[T]{producer: &producer, consumer: &consumer, flags: new(uint32), entries: make([]T, n)}
}

// newSending returns a socket that sends by rings which the test reads in the
// kernel's place.
func newSending(t *testing.T, first uint32) *socket {
	s := &socket{frameSize: 2048, maxFrame: 1514, frames: make([]byte, (rxFrames+txFrames)*2048)}
	s.tx.init(s)
	t.Cleanup(s.tx.close)
	s.tx.ring, s.tx.done = inMemory[unix.XDPDesc](txFrames, first), inMemory[uint64](txFrames, first)
	return s
}

// A Send takes what there are frames for, and goes on with those that the kernel
// gives back, also where the rings' numbers wrap. The test is the kernel.
func TestSendFull(t *testing.T) {
	const first = math.MaxUint32 - 100
	s := newSending(t, first)
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

// Whatever keeps the kernel from sending, the next Send says it and takes nothing
// more, until it has passed. A pipe is no socket, as the kernel says.
func TestSendTellsError(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	s := newSending(t, 0)
	if s.conn, err = w.SyscallConn(); err != nil {
		t.Fatal(err)
	}
	*s.tx.ring.flags = unix.XDP_RING_NEED_WAKEUP
	batch := []link.Packet{{Data: [][]byte{{1}}}}
	if n, err := s.tx.send(batch); n != 1 || err != nil {
		t.Fatalf("the first Send = %d, %v, want 1 packet", n, err)
	}
	for range 3 {
		if n, err := s.tx.send(batch); n != 0 || !errors.Is(err, unix.ENOTSOCK) {
			t.Errorf("Send after an error = %d, %v, want 0 packets and ENOTSOCK", n, err)
		}
	}
	s.tx.mu.Lock() // it is asked again later, too
	*s.tx.ring.flags = 0
	s.tx.mu.Unlock()
	if n, err := s.tx.send(batch); n != 1 || err != nil {
		t.Errorf("Send when the error has passed = %d, %v, want 1 packet", n, err)
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
