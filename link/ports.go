package link

import "github.com/usernet-go/usernet/wire"

// A PortSharer is a Link whose addresses are the host's own, so that its kernel
// and the stack share the ports of TCP and UDP. The stack reserves a port before
// it uses it for the first time, by whichever link, and releases it after the
// last time.
//
// ReservePort keeps other programs from the port and the kernel from answering
// what comes to it. p is TCP or UDP. The error wraps syscall.EADDRINUSE when a
// program has the port, and is os.ErrClosed after Close. Whoever calls counts:
// a port is reserved once before it is released. Both may be called by many
// goroutines at once and from within deliver, though never for one port at a
// time, and may take a system call or a few. Close releases all.
type PortSharer interface {
	Link
	ReservePort(p wire.Protocol, port uint16) error
	ReleasePort(p wire.Protocol, port uint16)
}

// SharesPorts returns the PortSharer that l is or, below middleware, wraps. A
// Link that wraps another says so by a method Unwrap, as errors do.
func SharesPorts(l Link) (PortSharer, bool) {
	for {
		if s, ok := l.(PortSharer); ok {
			return s, true
		}
		w, ok := l.(interface{ Unwrap() Link })
		if !ok {
			return nil, false
		}
		l = w.Unwrap()
	}
}
