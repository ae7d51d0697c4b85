package usernet_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"
)

// dialErrors are those of making a connection, and of binding an address.
var dialErrors = []errorCase{
	{name: "dial refused", run: func(w *world) []error {
		return errs(w.dialError("tcp", w.closedPort()))
	}, is: []error{syscall.ECONNREFUSED}},

	{name: "dial refused, from an address", run: func(w *world) []error {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(w.here)}}
		_, err := w.dialer(d, context.Background(), "tcp", w.closedPort())
		return errs(err)
	}, is: []error{syscall.ECONNREFUSED}},

	{name: "dial with a deadline in the past", run: func(w *world) []error {
		d := net.Dialer{Deadline: time.Unix(1, 0)}
		_, err := w.dialer(d, context.Background(), "tcp", w.closedPort())
		d = net.Dialer{Timeout: -1}
		_, err2 := w.dialer(d, context.Background(), "tcp", w.closedPort())
		return errs(err, err2)
	}, is: []error{context.DeadlineExceeded}},

	{name: "dial timeout", run: func(w *world) []error {
		err := w.timedOut(func() (net.Conn, error) {
			d := net.Dialer{Timeout: 50 * time.Millisecond}
			return w.dialer(d, context.Background(), "tcp", w.silent())
		})
		err2 := w.timedOut(func() (net.Conn, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			return w.dialer(net.Dialer{}, ctx, "tcp", w.silent())
		})
		return errs(err, err2)
	}, is: []error{context.DeadlineExceeded}},

	{name: "dial cancelled", run: func(w *world) []error {
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(50*time.Millisecond, cancel)
		defer timer.Stop()
		_, err := w.dialer(net.Dialer{}, ctx, "tcp", w.silent())
		_, err2 := w.dialer(net.Dialer{}, ctx, "tcp", w.silent())
		return errs(err, err2)
	}, is: []error{context.Canceled}},

	{name: "dial a group", run: func(w *world) []error {
		return errs(w.dialError("tcp", "224.0.0.1:7"))
	}, is: []error{syscall.ENETUNREACH}},

	{name: "dial port 0", run: func(w *world) []error {
		return errs(w.dialError("tcp", w.there+":0"))
	}, is: []error{syscall.ECONNREFUSED}},

	{name: "no route", alone: "the kernel's routes are not ours to know", run: func(w *world) []error {
		return errs(w.dialError("tcp", "203.0.113.1:7"), w.dialError("udp", "203.0.113.1:7"), w.dialError("tcp", "[2001:db8::1]:7"))
	}, want: []string{
		"net.OpError{dial tcp ->*net.TCPAddr} > os.SyscallError{connect} > syscall.Errno: dial tcp 203.0.113.1:N: connect: network is unreachable",
		"net.OpError{dial udp ->*net.UDPAddr} > os.SyscallError{connect} > syscall.Errno: dial udp 203.0.113.1:N: connect: network is unreachable",
		"net.OpError{dial tcp ->*net.TCPAddr} > os.SyscallError{connect} > syscall.Errno: dial tcp [2001:db8::1]:N: connect: network is unreachable",
	}, is: []error{syscall.ENETUNREACH}},

	{name: "nobody answers ARP or ND", alone: "there is no such address on the loopback", run: func(w *world) []error {
		return errs(w.dialError("tcp", "10.0.0.99:7"), w.dialError("tcp", "[fd00::99]:7"))
	}, want: []string{
		"net.OpError{dial tcp ->*net.TCPAddr} > os.SyscallError{connect} > syscall.Errno: dial tcp 10.0.0.99:N: connect: no route to host",
		"net.OpError{dial tcp ->*net.TCPAddr} > os.SyscallError{connect} > syscall.Errno: dial tcp [fd00::99]:N: connect: no route to host",
	}, is: []error{syscall.EHOSTUNREACH}},

	{name: "dial gave up", alone: "takes two minutes of real time", run: func(w *world) []error {
		w.Conn() // now the neighbour is known
		w.cut()
		return errs(w.dialError("tcp", w.there+":7"))
	}, want: []string{
		"net.OpError{dial tcp ->*net.TCPAddr} > os.SyscallError{connect} > syscall.Errno, timeout, temporary: dial tcp IP:N: connect: connection timed out",
	}, is: []error{syscall.ETIMEDOUT}},

	{name: "dial from a port in use", run: func(w *world) []error {
		c, _ := w.Conn()
		d := net.Dialer{LocalAddr: c.LocalAddr()}
		_, err := w.dialer(d, context.Background(), "tcp", c.RemoteAddr().String())
		return errs(err)
	}, is: []error{syscall.EADDRINUSE}},

	{name: "local address that does not fit", run: func(w *world) []error {
		var all []error
		for _, local := range []net.Addr{&net.UDPAddr{}, &net.UnixAddr{Name: "x", Net: "unix"}, &net.TCPAddr{IP: net.IPv6loopback}} {
			_, err := w.dialer(net.Dialer{LocalAddr: local}, context.Background(), "tcp", "127.0.0.1:7")
			all = append(all, err)
		}
		return all
	}},

	{name: "port in use", run: func(w *world) []error {
		l := w.Listen("tcp", w.there+":0")
		_, err := w.listen("tcp", l.Addr().String())
		_, err2 := w.listen("tcp", fmt.Sprintf(":%d", l.Addr().(*net.TCPAddr).Port))
		p, _ := w.listenPacket("udp", w.there+":0")
		defer p.Close()
		_, err3 := w.listenPacket("udp", p.LocalAddr().String())
		return errs(err, err2, err3)
	}, is: []error{syscall.EADDRINUSE}},

	{name: "an address that is not ours", run: func(w *world) []error {
		_, err := w.listen("tcp", "203.0.113.1:0")
		_, err2 := w.listenPacket("udp", "203.0.113.1:0")
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 1)}}
		_, err3 := w.dialer(d, context.Background(), "tcp", w.closedPort())
		d = net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(203, 0, 113, 1)}}
		_, err4 := w.dialer(d, context.Background(), "udp", w.closedPort())
		return errs(err, err2, err3, err4)
	}, is: []error{syscall.EADDRNOTAVAIL}},
}
