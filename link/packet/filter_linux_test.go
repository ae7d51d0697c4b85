package packet_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/wire"
)

// marker is the EtherType of the frames that these tests send (IEEE 802's for
// local experiments).
const marker = 0x88b5

// frames keeps what a link delivers.
type frames struct {
	mu  sync.Mutex
	all [][]byte
}

func receive(l *packet.Link) *frames {
	f := &frames{}
	go l.Receive(0, func(batch []link.Packet) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, p := range batch {
			f.all = append(f.all, bytes.Join(p.Data, nil))
		}
	})
	return f
}

// bodies returns what the marked frames carry, in order, once last is there.
func (f *frames) bodies(t testing.TB, last string) (all []string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		f.mu.Lock()
		all = all[:0]
		for _, b := range f.all {
			if binary.BigEndian.Uint16(b[12:]) == marker {
				all = append(all, string(bytes.TrimRight(b[14:], "\x00")))
			}
		}
		f.mu.Unlock()
		if slices.Contains(all, last) {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q does not come; %q do", last, all)
		}
	}
}

// sendFrame sends a frame with some tags, outermost first.
func sendFrame(t testing.TB, l *packet.Link, dst wire.MAC, body string, tags ...uint32) {
	t.Helper()
	src := l.Info().MAC
	b := slices.Concat(dst[:], src[:])
	for _, tag := range tags {
		b = binary.BigEndian.AppendUint32(b, tag)
	}
	b = binary.BigEndian.AppendUint16(b, marker)
	b = append(b, body...)
	b = append(b, make([]byte, 60)...)
	if n, err := l.Send([]link.Packet{{Data: [][]byte{b}}}); n != 1 || err != nil {
		t.Fatalf("Send = %d, %v", n, err)
	}
}

// Of all that passes the interface, a link is given the frames to its own
// address, to groups and to all, and none with a VLAN's tag, which the kernel
// takes off and puts beside the frame.
func TestFilter(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	host.Run("ip link set " + dev + " promisc on")
	l, other := openLink(t, host, packet.Config{MAC: wire.MAC{2, 0, 0, 0, 0, 1}}), openLink(t, peer, packet.Config{})
	if got := l.Info().MAC; got != (wire.MAC{2, 0, 0, 0, 0, 1}) {
		t.Errorf("the link's address is %v", got)
	}
	f := receive(l)
	mac := l.Info().MAC
	group := wire.MAC{0x33, 0x33, 1, 2, 3, 4}
	sendFrame(t, other, mac, "own")
	sendFrame(t, other, wire.Broadcast, "all")
	sendFrame(t, other, group, "group")
	sendFrame(t, other, wire.MAC{2, 0, 0, 0, 0, 2}, "another's, by its last byte")
	sendFrame(t, other, wire.MAC{6, 0, 0, 0, 0, 1}, "another's, by its first byte")
	sendFrame(t, other, peerMAC(host), "the host's")
	sendFrame(t, other, mac, "VLAN 5", 0x8100_0005)
	sendFrame(t, other, wire.Broadcast, "VLAN 5, to all", 0x8100_0005)
	sendFrame(t, other, mac, "service VLAN 5", 0x88a8_0005)
	sendFrame(t, other, mac, "VLAN 5 within a priority", 0x8100_2000, 0x8100_0005)
	sendFrame(t, other, mac, "service VLAN 5 within a priority", 0x8100_2000, 0x88a8_0005)
	sendFrame(t, other, mac, "a priority", 0x8100_2000)
	sendFrame(t, l, wire.Broadcast, "what the link itself sends")
	sendFrame(t, other, mac, "last")
	if got, want := f.bodies(t, "last"), []string{"own", "all", "group", "a priority", "last"}; !slices.Equal(got, want) {
		t.Errorf("frames %q, want %q", got, want)
	}
}

// The host's own traffic is not copied.
func TestHostTrafficIsNotCopied(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, packet.Config{})
	f := receive(l)
	text, _ := payload(8 << 20)
	for _, address := range []string{host4, host6} {
		ln := listen(t, host, "tcp", address)
		transfer(t, peer, ln, text)
		ln.Close()
	}
	plain := openLink(t, peer, packet.Config{})
	sendFrame(t, plain, l.Info().MAC, "last")
	f.bodies(t, "last")
	for _, b := range f.all {
		if h, _, _ := wire.ParseEthernet(b); !h.Dst.IsMulticast() && h.Type != marker {
			t.Fatalf("%d frames, among them %x", len(f.all), b)
		}
	}
	if len(f.all) > 20 {
		t.Errorf("%d frames: more than the neighbours' broadcasts", len(f.all))
	}
}

// What comes while nobody receives is dropped by the kernel at its bound, and
// counted; then all goes on.
func TestFloodIsCounted(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l, other := openLink(t, host, packet.Config{}), openLink(t, peer, packet.Config{})
	for i := 0; l.Stats().Dropped == 0; i++ {
		if i == 100_000 {
			t.Fatal("no drops")
		}
		sendFrame(t, other, l.Info().MAC, "flood")
	}
	dropped := l.Stats().Dropped
	for range 1000 {
		sendFrame(t, other, l.Info().MAC, "flood")
	}
	waitFor(t, "drops that add up", func() bool { return l.Stats().Dropped >= dropped+1000 })
	f := receive(l)
	waitFor(t, "room", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.all) > 1000
	})
	dropped = l.Stats().Dropped
	sendFrame(t, other, l.Info().MAC, "last")
	f.bodies(t, "last")
	if s := l.Stats(); s.Dropped != dropped || s.Unusable != 0 {
		t.Errorf("%+v, want %d dropped as before", s, dropped)
	}
}

// Send does not wait for a slow wire: it takes what there is room for, be the
// room that of the interface's queue or of the socket.
func TestSendDoesNotWait(t *testing.T) {
	for _, qdisc := range []string{"tbf rate 100kbit burst 2k limit 3000", "tbf rate 100kbit burst 2k limit 100000000"} {
		host, peer := twoHosts(t, 1500)
		l := openLink(t, host, packet.Config{})
		host.Run("tc qdisc add dev " + dev + " root " + qdisc)
		head, offload := udpHead(t, l, peerMAC(peer), 1000)
		batch := make([]link.Packet, 64)
		for i := range batch {
			batch[i] = link.Packet{Data: [][]byte{head, make([]byte, 1000)}, Offload: offload}
		}
		sent, full := 0, false
		for !full && sent < 1_000_000 {
			n, err := l.Send(batch)
			if err != nil {
				t.Fatalf("%s: Send = %d, %v", qdisc, n, err)
			}
			sent += n
			full = n < len(batch)
		}
		if !full || sent == 0 {
			t.Errorf("%s: %d packets sent, and still room", qdisc, sent)
		}
	}
}

// Addresses: random ones differ and are a station's, locally administered; the
// interface's own on request.
func TestMAC(t *testing.T) {
	host, _ := twoHosts(t, 1500)
	a, b := openLink(t, host, packet.Config{}).Info().MAC, openLink(t, host, packet.Config{}).Info().MAC
	if a == b || a[0]&3 != 2 || b[0]&3 != 2 {
		t.Errorf("addresses %v and %v", a, b)
	}
	own := openLink(t, host, packet.Config{InterfaceMAC: true}).Info().MAC
	if want := peerMAC(host); own != want {
		t.Errorf("address %v, want the interface's, %v", own, want)
	}
}

// Two stacks on one interface of one host, and the host itself, each with its
// own address: the peer reaches all three.
func TestThreeStationsOnOneInterface(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	text, want := payload(1 << 20)
	s := attach(t, openLink(t, host, packet.Config{}))
	second := attachAs(t, openLink(t, host, packet.Config{}), "10.9.0.4/24", "fd09::4/64")
	for _, address := range []string{near4, "10.9.0.4", near6, "fd09::4", host4, host6} {
		var ln net.Listener
		var err error
		switch address {
		case near4, near6:
			ln, err = s.Listen("tcp", net.JoinHostPort(address, "9000"))
		case host4, host6:
			ln = listen(t, host, "tcp", address)
		default:
			ln, err = second.Listen("tcp", net.JoinHostPort(address, "9000"))
		}
		if err != nil {
			t.Fatal(err)
		}
		got := sum(t, ln)
		peer.Do(func() {
			conn, err := net.Dial("tcp", ln.Addr().String())
			send(t, conn, err, text)
		})
		if <-got != want {
			t.Errorf("%s reads something else than was sent", address)
		}
		ln.Close()
	}
}
