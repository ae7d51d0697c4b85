package usernet_test

import (
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// connErrors are those of connections and listeners.
var connErrors = []errorCase{
	{name: "reset behind data: read", run: func(w *world) []error {
		c, peer := w.Conn()
		w.Write(peer, "bye")
		w.reset(peer)
		w.Read(c, "bye")
		_, err := c.Read(make([]byte, 9))
		_, err2 := c.Read(make([]byte, 9))
		_, err3 := c.Read(make([]byte, 9))
		_, err4 := c.Write([]byte("x"))
		return errs(err2, err3, err4, err)
	}, is: []error{syscall.ECONNRESET}},

	{name: "reset behind data: write", run: func(w *world) []error {
		c, peer := w.Conn()
		w.Write(peer, "bye")
		w.reset(peer)
		err := w.writeUntilError(c)
		_, err2 := c.Write([]byte("x"))
		w.Read(c, "bye")
		_, err3 := c.Read(make([]byte, 9))
		_, err4 := c.Read(make([]byte, 9))
		return errs(err2, err3, err4, err)
	}, is: []error{syscall.ECONNRESET}},

	{name: "reset by unread data", run: func(w *world) []error {
		c, peer := w.Conn()
		w.Write(c, "never read")
		w.Read(peer, "n")
		peer.Close()
		_, err := c.Read(make([]byte, 9))
		return errs(err)
	}, is: []error{syscall.ECONNRESET}},

	{name: "FIN, then reset: write", run: func(w *world) []error {
		c, peer := w.Conn()
		peer.Close()
		_, eof := c.Read(make([]byte, 9))
		err := w.writeUntilError(c)
		_, err2 := c.Write([]byte("x"))
		_, err3 := c.Read(make([]byte, 9))
		return errs(eof, err3, err2, err)
	}, is: []error{syscall.EPIPE}},

	{name: "after CloseWrite", run: func(w *world) []error {
		c, peer := w.Conn()
		again := errs(c.(tcpConn).CloseWrite(), c.(tcpConn).CloseWrite())
		_, eof := peer.Read(make([]byte, 9))
		w.Write(peer, "still open")
		w.Read(c, "still open")
		_, err := c.Write([]byte("x"))
		return append(again, eof, err)
	}, is: []error{syscall.EPIPE}},

	{name: "after CloseRead", run: func(w *world) []error {
		c, _ := w.Conn()
		err := c.(tcpConn).CloseRead()
		_, err2 := c.Read(make([]byte, 9))
		_, err3 := c.Write([]byte("x"))
		return errs(err, err3, c.(tcpConn).CloseRead(), err2)
	}, is: []error{io.EOF}},

	{name: "shut down what has ended", run: func(w *world) []error {
		c, peer := w.Conn()
		w.reset(peer)
		_, err := c.Read(make([]byte, 9))
		return errs(err, c.(tcpConn).CloseRead(), c.(tcpConn).CloseWrite())
	}, is: []error{syscall.ENOTCONN}},

	{name: "retransmission gave up: read", alone: "takes a quarter of an hour of real time", run: func(w *world) []error {
		c, _ := w.Conn()
		w.cut()
		w.Write(c, "into the void")
		_, err := c.Read(make([]byte, 9))
		_, err2 := c.Read(make([]byte, 9))
		_, err3 := c.Write([]byte("x"))
		return errs(err2, err3, err)
	}, want: []string{
		"io.EOF",
		"net.OpError{write tcp *net.TCPAddr ->*net.TCPAddr} > os.SyscallError{write} > syscall.Errno: write tcp IP:N->IP:N: write: broken pipe",
		"net.OpError{read tcp *net.TCPAddr ->*net.TCPAddr} > os.SyscallError{read} > syscall.Errno, timeout, temporary: read tcp IP:N->IP:N: read: connection timed out",
	}, is: []error{syscall.ETIMEDOUT}},

	{name: "retransmission gave up: write", alone: "takes a quarter of an hour of real time", run: func(w *world) []error {
		c, _ := w.Conn()
		w.cut()
		return errs(w.writeUntilError(c))
	}, want: []string{
		"net.OpError{write tcp *net.TCPAddr ->*net.TCPAddr} > os.SyscallError{write} > syscall.Errno, timeout, temporary: write tcp IP:N->IP:N: write: connection timed out",
	}, is: []error{syscall.ETIMEDOUT}},

	{name: "address gone: read", alone: "the kernel's connections survive that", run: func(w *world) []error {
		c, peer := w.Conn()
		w.Write(peer, "bye")
		w.settle()
		w.leave()
		w.Read(c, "bye")
		_, err := c.Read(make([]byte, 9))
		_, err2 := c.Read(make([]byte, 9))
		_, err3 := c.Write([]byte("x"))
		return errs(err2, err3, err)
	}, want: []string{
		"io.EOF",
		"net.OpError{write tcp *net.TCPAddr ->*net.TCPAddr} > os.SyscallError{write} > syscall.Errno: write tcp IP:N->IP:N: write: broken pipe",
		"net.OpError{read tcp *net.TCPAddr ->*net.TCPAddr} > os.SyscallError{read} > syscall.Errno: read tcp IP:N->IP:N: read: cannot assign requested address",
	}, is: []error{syscall.EADDRNOTAVAIL}},

	{name: "address gone: write", alone: "the kernel's connections survive that", run: func(w *world) []error {
		c, _ := w.Conn()
		w.leave()
		_, err := c.Write([]byte("x"))
		return errs(err)
	}, want: []string{
		"net.OpError{write tcp *net.TCPAddr ->*net.TCPAddr} > os.SyscallError{write} > syscall.Errno: write tcp IP:N->IP:N: write: cannot assign requested address",
	}, is: []error{syscall.EADDRNOTAVAIL}},

	{name: "address gone: dial", alone: "the kernel's connections survive that", run: func(w *world) []error {
		w.Conn() // now the neighbour is known
		w.cut()
		failed := make(chan error)
		go func() { failed <- w.dialError("tcp", w.there+":7") }()
		w.settle()
		w.leave()
		w.settle()
		select {
		case err := <-failed:
			return errs(err)
		default:
			w.Error("the dial goes on")
			return errs(<-failed)
		}
	}, want: []string{
		"net.OpError{dial tcp ->*net.TCPAddr} > os.SyscallError{bind} > syscall.Errno: dial tcp IP:N: bind: cannot assign requested address",
	}, is: []error{syscall.EADDRNOTAVAIL}},

	{name: "after own Close", run: func(w *world) []error {
		c, _ := w.Conn()
		c.Close()
		tc := c.(tcpConn)
		_, err := c.Read(make([]byte, 9))
		_, err2 := c.Write([]byte("x"))
		_, err3 := c.Read(nil)
		_, err4 := tc.ReadFrom(strings.NewReader("x"))
		_, err5 := tc.WriteTo(io.Discard)
		return errs(err, err2, err3, err4, err5, tc.CloseRead(), tc.CloseWrite(),
			c.SetDeadline(time.Time{}), c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}),
			tc.SetNoDelay(true), tc.SetLinger(1), tc.SetKeepAlive(true), tc.SetKeepAlivePeriod(time.Second),
			tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true}), c.Close())
	}, is: []error{net.ErrClosed}},

	{name: "blocked while closed", run: func(w *world) []error {
		c, _ := w.Conn()
		ch := make(chan error)
		go func() { _, err := c.Read(make([]byte, 9)); ch <- err }()
		w.settle()
		c.Close()
		return errs(<-ch)
	}, is: []error{net.ErrClosed}},

	{name: "listener closed", run: func(w *world) []error {
		l := w.Listen("tcp", w.there+":0")
		ch := make(chan error)
		go func() { _, err := l.Accept(); ch <- err }()
		w.settle()
		err := l.Close()
		_, err2 := l.Accept()
		set := l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Time{})
		return errs(err, err2, set, l.Close(), <-ch)
	}, is: []error{net.ErrClosed}},

	{name: "deadlines", run: func(w *world) []error {
		l := w.Listen("tcp", w.there+":0")
		l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(time.Millisecond))
		_, err := l.Accept()
		c, _ := w.Conn()
		c.SetDeadline(time.Now().Add(time.Millisecond))
		_, err2 := c.Read(make([]byte, 9))
		c.SetDeadline(time.Unix(1, 0))
		_, err3 := c.Read(make([]byte, 9))
		_, err4 := c.Write([]byte("x"))
		c.SetDeadline(time.Now().Add(10 * time.Millisecond))
		err5 := w.writeUntilError(c)
		p, _ := w.listenPacket("udp", w.there+":0")
		defer p.Close()
		p.SetDeadline(time.Now().Add(time.Millisecond))
		_, _, err6 := p.ReadFrom(make([]byte, 9))
		_, err7 := p.WriteTo([]byte("x"), p.LocalAddr())
		return errs(err, err2, err3, err4, err6, err7, err5)
	}, is: []error{os.ErrDeadlineExceeded}},

	{name: "end of the peer's data", run: func(w *world) []error {
		c, peer := w.Conn()
		w.Write(peer, "last words")
		peer.Close()
		w.Read(c, "last words")
		_, err := c.Read(make([]byte, 9))
		_, err2 := c.Read(make([]byte, 9))
		return errs(err, err2)
	}, is: []error{io.EOF}},
}
