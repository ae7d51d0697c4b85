package xdp_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/xdp"
	"github.com/usernet-go/usernet/wire"
)

// The two hosts of a test, on one wire, and the stack on the first one's interface.
const (
	host4, peer4, near4 = "10.9.0.1", "10.9.0.2", "10.9.0.3"
	host6, peer6, near6 = "fd09::1", "fd09::2", "fd09::3"
	dev                 = "wire0"
)

// Both ways to the sockets that a veth pair has.
var modes = []struct {
	name    string
	generic bool
}{{"native", false}, {"generic", true}}

// twoHosts returns two hosts' namespaces with a wire between them, and addresses
// at both ends. The peer computes its checksums.
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
	peer.Run("ethtool -K " + dev + " tx off")
	return host, peer
}

// openLink opens a link on the host's interface.
func openLink(t testing.TB, host *linktest.Namespace, cfg xdp.Config) *xdp.Link {
	t.Helper()
	cfg.Interface = dev
	var l *xdp.Link
	host.Do(func() {
		var err error
		if l, err = xdp.Open(cfg); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { l.Close() })
	return l
}

// attach returns a stack on the link, with the near addresses.
func attach(t testing.TB, l link.Link) *usernet.Stack {
	t.Helper()
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	err = s.Attach(l, usernet.Interface{
		Name:  "eth0",
		Addrs: []netip.Prefix{netip.MustParsePrefix(near4 + "/24"), netip.MustParsePrefix(near6 + "/64")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
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

// payload returns n bytes, the same each time, and their sum.
func payload(n int) ([]byte, [32]byte) {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b, sha256.Sum256(b)
}

// send dials, sends text, and waits until the other end has read it and closes.
func send(t testing.TB, conn net.Conn, err error, text []byte) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := conn.Write(text); err != nil {
		t.Errorf("Write = %v", err)
	}
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil {
		t.Errorf("Copy = %d, %v", n, err)
	}
}

// sum accepts a connection and returns the sum of what comes.
func sum(t testing.TB, ln net.Listener) <-chan [32]byte {
	t.Helper()
	result := make(chan [32]byte, 1)
	go func() {
		h := sha256.New()
		defer func() { result <- [32]byte(h.Sum(nil)) }()
		conn, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(60 * time.Second))
		if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{conn}, make([]byte, 1<<18)); err != nil {
			t.Errorf("Copy = %v", err)
		}
	}()
	return result
}

// echo serves connections: what comes goes back, until the peer's FIN.
func echo(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
		}()
	}
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timeout: %s", what)
		}
	}
}

// macOf returns the address of the interface of a host.
func macOf(ns *linktest.Namespace) (mac wire.MAC) {
	ns.Do(func() {
		if ifc, err := net.InterfaceByName(dev); err == nil {
			mac = wire.MAC(ifc.HardwareAddr)
		}
	})
	return mac
}

// datagram returns a packet with a datagram from the near address to the peer's
// port 9.
func datagram(l link.Link, to wire.MAC, size int) link.Packet {
	b := (&wire.Ethernet{Dst: to, Src: l.Info().MAC, Type: wire.EtherTypeIPv4}).Append(nil)
	src, dst := netip.MustParseAddr(near4), netip.MustParseAddr(peer4)
	b = (&wire.IPv4{TotalLen: wire.IPv4Len + wire.UDPLen + size, TTL: 64, Protocol: wire.ProtocolUDP, Src: src, Dst: dst}).Append(b)
	b = (&wire.UDP{SrcPort: 4000, DstPort: 9, Length: wire.UDPLen + size}).Append(b)
	return link.Packet{Data: [][]byte{b, make([]byte, size)}}
}

// run runs a command line, which may fail.
func run(line string) (string, error) {
	words := strings.Fields(line)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return string(out), err
}
