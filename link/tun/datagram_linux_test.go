package tun_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/tun"
)

// receiveStrings receives from a link of single packets.
func receiveStrings(l link.Link) (got chan string, ended chan error) {
	got, ended = make(chan string, 10), make(chan error, 1)
	go func() {
		ended <- l.Receive(0, func(batch []link.Packet) {
			for _, p := range batch {
				got <- string(p.Data[0])
			}
		})
	}()
	return got, ended
}

// wantNext checks what arrives next.
func wantNext(t *testing.T, got chan string, ended chan error, want string) {
	t.Helper()
	select {
	case g := <-got:
		if g != want {
			t.Errorf("%q arrives, want %q", g, want)
		}
	case err := <-ended:
		t.Fatalf("Receive = %v before %q arrives", err, want)
	case <-time.After(30 * time.Second):
		t.Fatalf("%q does not arrive", want)
	}
}

// An empty datagram is no packet, and not the end: whoever reaches the socket
// can send one.
func TestEmptyDatagram(t *testing.T) {
	ours, theirs := pair(t, unix.SOCK_DGRAM)
	l, err := tun.FromFile(ours, tun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	got, ended := receiveStrings(l)
	for _, s := range []string{"one", "", "two"} {
		if err := unix.Send(int(theirs.Fd()), []byte(s), 0); err != nil {
			t.Fatal(err)
		}
	}
	wantNext(t, got, ended, "one")
	wantNext(t, got, ended, "two")
	l.Close()
	if err := <-ended; err != nil {
		t.Errorf("Receive = %v after Close", err)
	}
}

// The peer of a UDP tunnel may be away for a while: that its port is unreachable
// does not end the link.
func TestUnreachablePeer(t *testing.T) {
	listen := func(addr *net.UDPAddr) *net.UDPConn {
		c, err := net.ListenUDP("udp4", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	peer := listen(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	address := peer.LocalAddr().(*net.UDPAddr)
	conn, err := net.DialUDP("udp4", nil, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := tun.FromFile(f, tun.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	send := func(t *testing.T) { // over the loopback: its ICMP error is there with the return
		if n, err := l.Send([]link.Packet{{Data: [][]byte{[]byte("lost")}}}); n != 1 || err != nil {
			t.Fatalf("Send = %d, %v", n, err)
		}
	}
	peer.Close()
	send(t)
	got, ended := receiveStrings(l)
	for _, s := range []string{"back", "and back again"} {
		peer = listen(address)
		if _, err := peer.WriteTo([]byte(s), conn.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		wantNext(t, got, ended, s)
		peer.Close() // and now while Receive waits
		send(t)
	}
}
