// Package usernet is a TCP/IP stack that runs inside a Go program: write usernet
// where you wrote net, and the connection is made of your own packets.
//
// A Stack is a host. It has addresses on the links that are attached to it: a
// TUN or TAP device (package link/tun), an interface of the host, beside the kernel
// (link/packet, link/xdp) or at the kernel's own addresses (link/rawip), or a wire in
// memory to another stack (link/pipe). Its verbs are those of package net, and so are their
// semantics, their zero values and their errors: errors.Is finds net.ErrClosed,
// os.ErrDeadlineExceeded and syscall.ECONNREFUSED where it would for the
// kernel's connections.
//
//	s, err := usernet.New(usernet.Config{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	dev, err := tun.Open(tun.Config{Name: "tap0", TAP: true})
//	if err != nil {
//		return err
//	}
//	if err := s.Attach(dev, usernet.Interface{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}); err != nil {
//		return err
//	}
//	l, err := s.Listen("tcp", ":80")
//	if err != nil {
//		return err
//	}
//	return http.Serve(l, handler)
//
// Inside testing/synctest all of it works in virtual time, so that a test of a
// networked program needs neither the kernel's network nor patience: package sim has
// whole networks for it.
//
// On the way of a byte this package is the last room before the application: it
// reads addresses and networks, turns the engine's sentinels into package net's
// errors, and leaves the rest to the engine.
//
// Names are looked up as Config.Resolver says: in a map, and with the DNS. Without it
// localhost is the only one.
//
// It has no raw sockets. SyscallConn and File are not offered: there is no
// descriptor.
package usernet
