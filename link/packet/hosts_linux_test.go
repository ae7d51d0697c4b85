package packet_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/wire"
)

// The two hosts of a test, on one wire.
const (
	host4, peer4 = "10.9.0.1", "10.9.0.2"
	host6, peer6 = "fd09::1", "fd09::2"
	dev          = "wire0"
)

// twoHosts returns two hosts' namespaces with a wire between them, and addresses
// at both ends.
func twoHosts(t testing.TB, mtu int) (host, peer *linktest.Namespace) {
	t.Helper()
	host, peer = linktest.NewNamespace(t), linktest.NewNamespace(t)
	host.Wire(peer, dev, mtu)
	for _, h := range []struct {
		ns     *linktest.Namespace
		v4, v6 string
	}{{host, host4, host6}, {peer, peer4, peer6}} {
		h.ns.Run("ip link set lo up")
		h.ns.Run("ip address add " + h.v4 + "/24 dev " + dev)
		h.ns.Run("ip address add " + h.v6 + "/64 nodad dev " + dev)
	}
	return host, peer
}

func listen(t testing.TB, ns *linktest.Namespace, network, address string) (ln net.Listener) {
	t.Helper()
	ns.Do(func() {
		var err error
		if ln, err = net.Listen(network, net.JoinHostPort(address, "0")); err != nil {
			t.Fatal(err)
		}
	})
	return ln
}

// transfer sends text from the peer to the listener, which reads it all.
func transfer(t testing.TB, peer *linktest.Namespace, ln net.Listener, text []byte) {
	t.Helper()
	go func() {
		if conn, err := ln.Accept(); err == nil {
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	peer.Do(func() {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(text); err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
	})
}

func dialUDP(t testing.TB, address string, port uint16) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), port)))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// write sends n bytes; the news that nobody listens to those before is no error.
func write(t testing.TB, conn net.Conn, n int) {
	t.Helper()
	for {
		_, err := conn.Write(make([]byte, n))
		if err == nil {
			return
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
}

// parseIP parses the IP header of b, which n is the length of.
func parseIP(t testing.TB, b []byte) (src, dst netip.Addr, n int, protocol wire.Protocol) {
	t.Helper()
	var r wire.Reason
	if b[0]>>4 == 6 {
		var h wire.IPv6
		h, n, r = wire.ParseIPv6(b, len(b))
		src, dst, protocol = h.Src, h.Dst, h.NextHeader
	} else {
		var h wire.IPv4
		h, n, r = wire.ParseIPv4(b, len(b))
		src, dst, protocol = h.Src, h.Dst, h.Protocol
	}
	if r != wire.OK {
		t.Fatalf("%x: %v", b, r)
	}
	return src, dst, n, protocol
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timeout: %s", what)
		}
	}
}

// peerMAC returns the address of the peer's interface.
func peerMAC(peer *linktest.Namespace) (mac wire.MAC) {
	peer.Do(func() {
		if ifc, err := net.InterfaceByName(dev); err == nil {
			mac = wire.MAC(ifc.HardwareAddr)
		}
	})
	return mac
}

// udpHead returns the headers of a datagram from the near address to the peer's
// port 9, and its offload.
func udpHead(t testing.TB, l *packet.Link, to wire.MAC, size int) ([]byte, link.Offload) {
	t.Helper()
	b := (&wire.Ethernet{Dst: to, Src: l.Info().MAC, Type: wire.EtherTypeIPv4}).Append(nil)
	src, dst := addr(near4), addr(peer4)
	b = (&wire.IPv4{TotalLen: wire.IPv4Len + wire.UDPLen + size, TTL: 64, Protocol: wire.ProtocolUDP, Src: src, Dst: dst}).Append(b)
	o := link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(len(b)), ChecksumOffset: 6}
	udp := (&wire.UDP{SrcPort: 4000, DstPort: 9, Length: wire.UDPLen + size}).Append(nil)
	wire.SetPartialChecksum(wire.ProtocolUDP, src, dst, udp, wire.UDPLen+size)
	return append(b, udp...), o
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
