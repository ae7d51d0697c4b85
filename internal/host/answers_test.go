package host

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// RFC 4443, 4.2: an echo request to a group is answered from a unicast address of the
// interface by which it came.
func TestEchoToIPv6Group(t *testing.T) {
	w := newTwoLinks(t, Config{})
	for at := range 2 {
		own := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(at + 1)})
		w.inject(at, frameTo(groupMAC(group6), wire.EtherTypeIPv6, echoRequest(sharedLL, group6, "x")))
		p := w.only(at)
		if p.src != own || p.dst != sharedLL || p.payload[0] != byte(wire.ICMPv6EchoReply) {
			t.Errorf("type %d from %v to %v, want a reply from %v", p.payload[0], p.src, p.dst, own)
		}
	}
}

// RFC 1812, 4.3.2.5: a reply has the TOS bits of its request.
func TestEchoReplyTOS(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	packet := echoRequest(peer4, host4, "x")
	packet[1] = 0xb8 | 2 // ECN's bits are nobody's to send back
	r.inject(frame(resum(packet)))
	if p := r.parse(r.one()); p.ip4.TOS != 0xb8 {
		t.Errorf("TOS %#x, want %#x", p.ip4.TOS, 0xb8)
	}
}

// RFC 1122, 3.2.2: no error to "a Class E address".
func TestNoErrorToClassE(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	packet := udpPacket(netip.AddrPortFrom(netip.MustParseAddr("240.0.0.9"), 9), netip.AddrPortFrom(host4, 54), "x")
	r.counted(func() { r.inject(frame(packet)) }, ReasonUDPPort, ReasonICMPErrorBarred)
	r.silent()
}

// RFC 4443, 2.4 (a): an error of unknown type is passed to whom it is about.
func TestUnknownICMPv6ErrorIsPassedOn(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	sock := dialUDP(t, r.h, netip.AddrPortFrom(far6, 9))
	if _, err := sock.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	sent := r.one()[ipAt:]
	r.counted(func() { r.inject(quoting(100, 0, 0, sent)) })
	if _, err := sock.Read(make([]byte, 1)); err != ErrHostUnreachable {
		t.Errorf("read: %v, want %v", err, ErrHostUnreachable)
	}
	sent[wire.IPv6Len+1]++ // another port
	r.counted(func() { r.inject(quoting(100, 0, 0, sent)) }, ReasonICMPErrorUnknown)
}

// RFC 4007, 6: fragments of two hosts that have the same link-local address, on two
// links, are no pieces of one datagram.
func TestFragmentsOfLinkLocalPeers(t *testing.T) {
	w := newTwoLinks(t, Config{})
	sock := listenUDP(t, w.h, netip.AddrPortFrom(netip.IPv6Unspecified(), udpPort), FamilyIPv6)
	piece := func(text string, offset int) []byte {
		whole := udpPacket(netip.AddrPortFrom(sharedLL, 9), netip.AddrPortFrom(host6, udpPort), text)[wire.IPv6Len:]
		f := wire.IPv6Fragment{NextHeader: wire.ProtocolUDP, Offset: offset, MoreFragments: offset == 0, ID: 7}
		part := whole[offset:]
		if offset == 0 {
			part = whole[:16]
		}
		return frame(rawIP(sharedLL, host6, wire.ProtocolFragment, append(f.Append(nil), part...)))
	}
	texts := [2]string{"from one of them", "and of the other"}
	for _, offset := range []int{0, 16} {
		for at, text := range texts {
			w.inject(at, piece(text, offset))
		}
	}
	for at, text := range texts {
		buf := make([]byte, 99)
		sock.SetReadDeadline(time.Now().Add(time.Second))
		n, from, err := sock.ReadFrom(buf)
		if string(buf[:n]) != text || from.Addr().Zone() != [2]string{"eth0", "eth1"}[at] || err != nil {
			t.Errorf("%q from %v, %v, want %q", buf[:n], from, err, text)
		}
	}
}

// RFC 4007, 6: a socket that is connected to a link-local peer hears that one, not the
// host that has the same address on another link.
func TestUDPConnectedToLinkLocalPeer(t *testing.T) {
	w := newTwoLinks(t, Config{})
	const port = 4000
	local, remote := netip.AddrPortFrom(side[0], udpPort), netip.AddrPortFrom(sharedLL.WithZone("eth1"), port)
	sock, err := w.h.DialUDP(local, remote)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sock.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	w.only(1)
	packet := func(text string) []byte { return frame(udpPacket(netip.AddrPortFrom(sharedLL, port), local, text)) }
	w.inject(0, packet("elsewhere"))
	if p := w.only(0); p.payload[0] != byte(wire.ICMPv6Unreachable) {
		t.Errorf("type %d, want unreachable", p.payload[0])
	}
	w.inject(1, packet("here"))
	buf := make([]byte, 99)
	if n, from, err := sock.ReadFrom(buf); string(buf[:n]) != "here" || from != remote || err != nil {
		t.Errorf("%q from %v, %v", buf[:n], from, err)
	}
	// Without a zone it is the link of the address that it talks from.
	sock, err = w.h.DialUDP(netip.AddrPort{}, netip.AddrPortFrom(sharedLL, port))
	if err != nil {
		t.Fatal(err)
	}
	if got := sock.RemoteAddr().Addr().Zone(); got != "eth0" {
		t.Errorf("connected on %q", got)
	}
}

// A record in TIME-WAIT is shown with the link that its peer is on.
func TestTimeWaitZone(t *testing.T) {
	w := newTwoLinks(t, Config{})
	l, err := w.h.ListenTCP(netip.AddrPortFrom(side[0], 80), FamilyIPv6, 10, TCPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	from, to := netip.AddrPortFrom(sharedLL, 4000), netip.AddrPortFrom(side[0], 80)
	w.inject(1, frame(tcpPacket(from, to, wire.SYN, 1, 0)))
	h, _, _ := wire.ParseTCP(w.only(1).payload, wire.TCPLen+40)
	w.inject(1, frame(tcpPacket(from, to, wire.ACK, 2, h.Seq+1)))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	w.only(1)
	w.inject(1, frame(tcpPacket(from, to, wire.ACK|wire.FIN, 2, h.Seq+2)))
	w.only(1)
	want := netip.AddrPortFrom(sharedLL.WithZone("eth1"), 4000)
	for _, c := range w.h.Connections() {
		if c.Timer == "timewait" && c.Remote == want {
			return
		}
	}
	t.Errorf("%+v, want one in TIME-WAIT to %v", w.h.Connections(), want)
}

// What waited for a neighbour that does not answer is quoted as it would have been on
// the wire: the first segment, with its checksum.
func TestForwardNeighbourFailsForSuperSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRouter(t, Config{}, link.Info{MaxSegment: 65535, ChecksumOffload: true}, link.Info{MaxSegment: 65535, ChecksumOffload: true})
		in, o := super(guest4, other4.Next(), 3000, 1000, true)
		o.HeaderLen, o.ChecksumStart = o.HeaderLen-wire.EthernetLen, o.ChecksumStart-wire.EthernetLen
		r.second.deliver([]link.Packet{{Data: [][]byte{in[ipAt:]}, Offload: o}})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		_, typ, code, _, body := r.second.icmp(r.second.one())
		if typ != 3 || code != 1 {
			t.Fatalf("type %d code %d", typ, code)
		}
		if h, _, _ := wire.ParseIPv4(body, 1040); h.TotalLen != 1040 {
			t.Errorf("quotes a packet of %d bytes, want 1040", h.TotalLen)
		}
		segment, _ := super(guest4, other4.Next(), 1000, 1000, false)
		segment[len(segment)-1000-wire.TCPLen+13] &^= byte(wire.PSH)
		want := ip(guest4, other4.Next(), wire.ProtocolTCP, segment[ipAt+wire.IPv4Len:])
		if got := body[wire.IPv4Len:]; !bytes.Equal(got[:wire.TCPLen], want[wire.IPv4Len:][:wire.TCPLen]) {
			t.Errorf("quotes a segment\n% x, want\n% x", got[:20], want[wire.IPv4Len:][:20])
		}
	})
}
