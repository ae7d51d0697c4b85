package usernet_test

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// udpErrors are those of UDP sockets.
var udpErrors = []errorCase{
	{name: "UDP port unreachable", run: func(w *world) []error {
		closed := w.closedUDPPort()
		var all []error
		for _, read := range []func(c net.Conn) error{
			func(c net.Conn) error { _, _, err := c.(net.PacketConn).ReadFrom(make([]byte, 9)); return err },
			w.writeUntilError,
			func(c net.Conn) error { _, err := c.Read(make([]byte, 9)); return err },
		} {
			c, err := w.dialer(net.Dialer{}, context.Background(), "udp", closed)
			if err != nil {
				w.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(30 * time.Second))
			w.Write(c, "anybody?")
			all = append(all, read(c))
		}
		return all
	}, is: []error{syscall.ECONNREFUSED}},

	{name: "UDP misuse", run: func(w *world) []error {
		p, err := w.listenPacket("udp4", w.there+":0")
		if err != nil {
			w.Fatal(err)
		}
		defer p.Close()
		c, err := w.dialer(net.Dialer{}, context.Background(), "udp", p.LocalAddr().String())
		if err != nil {
			w.Fatal(err)
		}
		defer c.Close()
		type udpConn interface {
			WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
			WriteToUDP([]byte, *net.UDPAddr) (int, error)
		}
		x := []byte("x")
		_, err1 := c.(net.PacketConn).WriteTo(x, p.LocalAddr())
		_, err2 := p.(net.Conn).Write(x)
		_, err3 := p.WriteTo(x, &net.TCPAddr{IP: net.ParseIP(w.there), Port: 7})
		_, err4 := p.WriteTo(make([]byte, 65508), p.LocalAddr())
		_, err5 := p.(udpConn).WriteToUDPAddrPort(x, netip.AddrPort{})
		_, err6 := p.(udpConn).WriteToUDP(x, &net.UDPAddr{IP: net.IPv6loopback, Port: 7})
		_, err7 := p.(udpConn).WriteToUDPAddrPort(x, netip.MustParseAddrPort("[::1]:7"))
		_, err8 := p.(udpConn).WriteToUDP(x, nil)
		return errs(err1, err2, err3, err4, err5, err6, err7, err8)
	}},

	{name: "UDP after Close", run: func(w *world) []error {
		p, err := w.listenPacket("udp", w.there+":0")
		if err != nil {
			w.Fatal(err)
		}
		to := p.LocalAddr()
		c, err := w.dialer(net.Dialer{}, context.Background(), "udp", to.String())
		if err != nil {
			w.Fatal(err)
		}
		p.Close()
		c.Close()
		_, _, err1 := p.ReadFrom(make([]byte, 9))
		_, err2 := p.WriteTo([]byte("x"), to)
		_, err3 := c.Read(make([]byte, 9))
		_, err4 := c.Write([]byte("x"))
		return errs(err1, err2, err3, err4, p.SetDeadline(time.Time{}), c.Close(), p.Close())
	}, is: []error{net.ErrClosed}},
}

// addressErrors are those of what cannot be understood.
var addressErrors = []errorCase{
	{name: "bad network", run: func(w *world) []error {
		var all []error
		for _, network := range []string{"", "tpc", "tcp5", "ip", "ip4", "tcp:1", "4"} {
			_, err := w.listen(network, "127.0.0.1:0")
			_, err2 := w.listenPacket(network, "127.0.0.1:0")
			all = append(all, w.dialError(network, "127.0.0.1:7"), err, err2)
		}
		return all
	}, is: []error{net.UnknownNetworkError("4")}},

	{name: "networks of the kernel alone", alone: "package net has them", run: func(w *world) []error {
		return errs(w.dialError("unix", "/x"), w.dialError("ip4:1", "10.0.0.2"))
	}, want: []string{
		"net.OpError{dial unix} > net.UnknownNetworkError: dial unix: unknown network unix",
		"net.OpError{dial ip4:1} > net.UnknownNetworkError: dial ip4:N: unknown network ip4:N",
	}, is: []error{net.UnknownNetworkError("ip4:1")}},

	{name: "network of the other kind", run: func(w *world) []error {
		_, err := w.listen("udp", "127.0.0.1:0")
		_, err2 := w.listenPacket("tcp", "127.0.0.1:0")
		return errs(err, err2)
	}},

	{name: "bad address", run: func(w *world) []error {
		var all []error
		for _, address := range []string{"", "127.0.0.1", "[::1]", "::1:7", "[::1:7", "::1]:7", "127.0.0.1:7:7",
			"127.0.0.1:bogus", ":-1", ":65536", "127.0.0.1:99999999999", "[127.0.0.1]:http:x", "[::1]7"} {
			all = append(all, w.dialError("tcp", address), w.dialError("udp", address))
			if address == "" {
				continue // listens anywhere
			}
			_, err := w.listen("tcp", address)
			_, err2 := w.listenPacket("udp", address)
			all = append(all, err, err2)
		}
		return all
	}},

	{name: "address of the other family", run: func(w *world) []error {
		_, err := w.listen("tcp4", "[::1]:0")
		_, err2 := w.listen("tcp6", "127.0.0.1:0")
		_, err3 := w.listenPacket("udp6", "[::ffff:127.0.0.1]:0")
		return errs(w.dialError("tcp4", "[::1]:7"), w.dialError("tcp6", "127.0.0.1:7"), w.dialError("udp4", "[::1]:7"), err, err2, err3)
	}},

	{name: "typed: bad network", run: func(w *world) []error {
		v, tcp, udp := w.typed, &net.TCPAddr{Port: 7}, &net.UDPAddr{Port: 7}
		ap := netip.MustParseAddrPort("127.0.0.1:7")
		return errs(v.dialTCP("udp", nil, tcp), v.dialTCP("udp", tcp, nil), v.dialUDP("tcp", nil, udp),
			v.listenTCP("udp", nil), v.listenTCP("udp", tcp), v.listenUDP("tcp4", nil), v.listenUDP("tcp4", udp),
			v.dialTCPPorts("udp", netip.AddrPort{}, ap), v.dialUDPPorts("tpc", ap, ap))
	}},

	{name: "typed: bad address", run: func(w *world) []error {
		v := w.typed
		v4, v6 := net.IPv4(203, 0, 113, 1), net.IPv6loopback
		return errs(v.dialTCP("tcp", nil, nil), v.dialUDP("udp", nil, nil),
			v.dialTCP("tcp4", nil, &net.TCPAddr{IP: v6, Port: 7}), v.dialUDP("udp4", nil, &net.UDPAddr{IP: v6, Port: 7}),
			v.listenTCP("tcp4", &net.TCPAddr{IP: v6}), v.listenUDP("udp4", &net.UDPAddr{IP: v6}),
			v.listenTCP("tcp", &net.TCPAddr{IP: v4}), v.listenUDP("udp", &net.UDPAddr{IP: v4}),
			v.dialTCP("tcp", &net.TCPAddr{IP: v4}, &net.TCPAddr{IP: net.ParseIP(w.there), Port: 7}),
			v.dialUDP("udp", &net.UDPAddr{IP: v4}, &net.UDPAddr{IP: net.ParseIP(w.there), Port: 7}))
	}},

	{name: "typed: refused", run: func(w *world) []error {
		l := w.Listen("tcp", w.there+":0")
		l.Close()
		remote := l.Addr().(*net.TCPAddr)
		return errs(w.typed.dialTCP("tcp", nil, remote), w.typed.dialTCP("tcp4", &net.TCPAddr{}, remote))
	}, is: []error{syscall.ECONNREFUSED}},

	{name: "typed: port in use", run: func(w *world) []error {
		l := w.Listen("tcp", w.there+":0")
		p, err := w.listenPacket("udp", w.there+":0")
		if err != nil {
			w.Fatal(err)
		}
		defer p.Close()
		return errs(w.typed.listenTCP("tcp", l.Addr().(*net.TCPAddr)), w.typed.listenUDP("udp", p.LocalAddr().(*net.UDPAddr)))
	}, is: []error{syscall.EADDRINUSE}},

	{name: "host name", alone: "package net has a resolver", run: func(w *world) []error {
		_, err := w.listen("tcp", "example.org:80")
		return errs(err, w.dialError("tcp", "example.org:80"))
	}, want: []string{
		"net.OpError{listen tcp} > net.DNSError: listen tcp: lookup example.org: no such host (the stack has no resolver: give an IP address)",
		"net.OpError{dial tcp} > net.DNSError: dial tcp: lookup example.org: no such host (the stack has no resolver: give an IP address)",
	}},
}
