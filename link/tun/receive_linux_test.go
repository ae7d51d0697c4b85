package tun

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/vnet"
)

// datagrams returns two sockets, joined, with room for some hundred small
// datagrams between them.
func datagrams(t *testing.T) (ours, theirs int) {
	t.Helper()
	bound := func() (int, unix.Sockaddr) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		name, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		return fd, name
	}
	ours, a := bound()
	theirs, b := bound()
	if err := unix.Connect(ours, b); err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(theirs, a); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// What cannot be used does not keep what can from being delivered, nor Close
// from being heard, however much of it there is.
func TestReadIsBounded(t *testing.T) {
	ours, theirs := datagrams(t)
	good := append(make([]byte, vnet.Len), 0x45)
	if _, err := unix.Write(theirs, good); err != nil {
		t.Fatal(err)
	}
	for range maxBatch {
		if _, err := unix.Write(theirs, good[:vnet.Len-1]); err != nil {
			t.Fatal(err)
		}
	}
	r := &receiver{d: &device{headerLen: vnet.Len}, arena: make([]byte, arenaSize), packets: make([]link.Packet, 0, maxBatch)}
	if !r.read(uintptr(ours)) || len(r.packets) != 1 || r.errno != nil {
		t.Fatalf("%d packets, %v", len(r.packets), r.errno)
	}
	if n, err := unix.Read(ours, make([]byte, 100)); n != vnet.Len-1 || err != nil {
		t.Errorf("Read behind the batch = %d, %v, want a datagram that waits", n, err)
	}
}

// Packets of any size are read one behind the other without a slice beyond the
// arena.
func TestArena(t *testing.T) {
	if maxFrame%align != 0 || arenaSize%align != 0 {
		t.Errorf("frames of %d bytes in %d, want multiples of %d", maxFrame, arenaSize, align)
	}
	if least := vnet.MaxLen + 18 + 40 + 65535; maxFrame < least {
		t.Errorf("frames of %d bytes, want %d and more", maxFrame, least)
	}
}
