package usernet

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/usernet-go/usernet/internal/host"
	"github.com/usernet-go/usernet/tcp"
)

// A TCPConn is a TCP connection, and has what net.TCPConn has. Its methods may be
// called concurrently.
//
// It is the engine's connection by another name, and not an object that refers to it:
// an idle end so takes 32 bytes less.
type TCPConn host.TCPConn

func (c *TCPConn) engine() *host.TCPConn { return (*host.TCPConn)(c) }

// Format prints the connection with its addresses, whatever the verb (fmt.Formatter):
// fmt would else read, by reflection, what other goroutines change.
func (c *TCPConn) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "TCPConn(%v->%v)", c.LocalAddr(), c.RemoteAddr())
}

// network returns what the connection was asked for as.
func (c *TCPConn) network() network { return network{transportTCP, c.engine().Family()} }

// Read reads what has arrived, and waits for at least a byte of it. After the
// peer's FIN it returns io.EOF. When the peer has reset the connection, what
// arrived before is read first; then comes ECONNRESET once, and io.EOF.
func (c *TCPConn) Read(b []byte) (int, error) {
	n, err := c.engine().Read(b)
	if err != nil {
		err = c.opError("read", "read", err)
	}
	return n, err
}

// Write queues all of b for sending, and waits for room if need be; n < len(b)
// comes with an error.
func (c *TCPConn) Write(b []byte) (int, error) {
	n, err := c.engine().Write(b)
	if err != nil {
		err = c.opError("write", "write", err)
	}
	return n, err
}

// WriteUrgent is Write of urgent data (RFC 6093): until the peer has acknowledged
// b, segments point to its end. The peer reads it in line; a Read there ends at
// that point, and Info tells how far it is. New programs should not use it
// (RFC 9293, 3.8.5, SHLD-13).
func (c *TCPConn) WriteUrgent(b []byte) (int, error) {
	n, err := c.engine().WriteUrgent(b)
	if err != nil {
		err = c.opError("write", "write", err)
	}
	return n, err
}

// Close closes the connection. What was written is still sent, in the background
// (but see SetLinger); blocked calls return net.ErrClosed.
func (c *TCPConn) Close() error { return c.opError("close", "close", c.engine().Close()) }

// CloseRead makes Read return io.EOF. Most callers should just use Close.
func (c *TCPConn) CloseRead() error { return c.opError("close", "shutdown", c.engine().CloseRead()) }

// CloseWrite sends a FIN behind what was written: the peer reads io.EOF, and this
// end may still read. Writing then fails with EPIPE.
func (c *TCPConn) CloseWrite() error { return c.opError("close", "shutdown", c.engine().CloseWrite()) }

// LocalAddr returns this end's address, a *net.TCPAddr.
func (c *TCPConn) LocalAddr() net.Addr { return transportTCP.addr(c.engine().LocalAddr()) }

// RemoteAddr returns the peer's address, a *net.TCPAddr.
func (c *TCPConn) RemoteAddr() net.Addr { return transportTCP.addr(c.engine().RemoteAddr()) }

// SetDeadline sets the time at which Read and Write give up, also those under
// way, with os.ErrDeadlineExceeded; zero means never.
func (c *TCPConn) SetDeadline(t time.Time) error { return c.localError(c.engine().SetDeadline(t)) }

// SetReadDeadline is SetDeadline for Read alone.
func (c *TCPConn) SetReadDeadline(t time.Time) error {
	return c.localError(c.engine().SetReadDeadline(t))
}

// SetWriteDeadline is SetDeadline for Write alone. A Write that gives up may have
// queued a part of its bytes, and says how many.
func (c *TCPConn) SetWriteDeadline(t time.Time) error {
	return c.localError(c.engine().SetWriteDeadline(t))
}

// SetNoDelay says whether small writes are sent at once (true, the default) or
// gathered while data is unacknowledged (Nagle's algorithm).
func (c *TCPConn) SetNoDelay(noDelay bool) error {
	return c.opError("set", "setsockopt", c.engine().SetNoDelay(noDelay))
}

// SetLinger says what Close does with data that is unsent or unacknowledged:
// sec < 0 (the default) sends it in the background, sec == 0 drops it and resets
// the connection, sec > 0 sends it and lets Close wait for up to sec seconds.
func (c *TCPConn) SetLinger(sec int) error {
	d := time.Duration(sec) * time.Second
	return c.opError("set", "setsockopt", c.engine().SetLinger(d))
}

// SetUserTimeout bounds how long sent data may stay unacknowledged before the
// connection ends with ETIMEDOUT (RFC 5482); 0 means the stack's default.
func (c *TCPConn) SetUserTimeout(d time.Duration) error {
	return c.opError("set", "setsockopt", c.engine().SetUserTimeout(d))
}

// SetReadBuffer sets how many bytes may wait in the connection to be read, and so
// how much the peer may have in the network: Config.ReceiveBuffer at most. From then
// on the connection does not look for the right size itself, as on Linux.
func (c *TCPConn) SetReadBuffer(bytes int) error {
	return c.opError("set", "setsockopt", c.engine().SetReadBuffer(bytes))
}

// SetWriteBuffer sets how many bytes may wait in the connection to be sent and to
// be acknowledged: Config.SendBuffer at most. From then on the connection does not
// look for the right size itself, as on Linux.
func (c *TCPConn) SetWriteBuffer(bytes int) error {
	return c.opError("set", "setsockopt", c.engine().SetWriteBuffer(bytes))
}

// SetTrafficClass sets the DiffServ field of the packets that are sent from now on:
// the upper six bits of IPv4's type of service or IPv6's traffic class. The lower
// two belong to congestion notification, and are ignored.
func (c *TCPConn) SetTrafficClass(class uint8) error {
	return c.opError("set", "setsockopt", c.engine().SetTrafficClass(class))
}

// Info tells what the connection is doing: its state, window, round-trip time.
func (c *TCPConn) Info() tcp.Info { return c.engine().Info() }

// ReadFrom writes what it reads from r, until io.EOF (io.ReaderFrom).
func (c *TCPConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := copyTo(onlyWriter{c}, r)
	return n, c.copyError("readfrom", err)
}

// WriteTo writes what it reads to w, until io.EOF (io.WriterTo).
func (c *TCPConn) WriteTo(w io.Writer) (int64, error) {
	n, err := copyTo(w, onlyReader{c})
	return n, c.copyError("writeto", err)
}

// onlyWriter and onlyReader hide ReadFrom and WriteTo from io.Copy.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

// copyBuffer is what a super-segment holds: over a pipe a quarter faster than
// io.Copy's own buffer, which is half as large.
const copyBuffer = 64 << 10

// copyTo is io.Copy with a larger buffer.
func copyTo(w io.Writer, r io.Reader) (int64, error) {
	_, reads := w.(io.ReaderFrom)
	_, writes := r.(io.WriterTo)
	if reads || writes {
		return io.Copy(w, r) // they know better
	}
	size := int64(copyBuffer)
	if l, ok := r.(*io.LimitedReader); ok {
		size = max(1, min(size, l.N))
	}
	return io.CopyBuffer(w, r, make([]byte, size))
}

func (c *TCPConn) copyError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err // as in net; an io.EOF here is a writer's
	}
	return &net.OpError{Op: op, Net: c.network().String(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// opError wraps an error of the engine as net does for a connection; io.EOF
// stays bare.
func (c *TCPConn) opError(op, call string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: c.network().String(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: cause(call, err)}
}

// localError is opError for what net says of the local end alone.
func (c *TCPConn) localError(err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: "set", Net: c.network().String(), Addr: c.LocalAddr(), Err: cause("setsockopt", err)}
}
