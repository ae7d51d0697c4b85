package usernet

import (
	"errors"
	"syscall"

	"github.com/usernet-go/usernet/internal/host"
	"github.com/usernet-go/usernet/tcp"
)

// RegisterCongestionControl makes an algorithm of congestion control known by a name,
// for the whole program, so that Config, Dialer, ListenConfig and
// TCPConn.SetCongestionControl take it. What it has to do is written at
// tcp.CongestionControl. new makes one for each connection; it may be called by many
// goroutines at once, and must call nothing of the stack's. The error says that the
// name is empty or taken, or that new is nil.
func RegisterCongestionControl(name string, new func() tcp.CongestionControl) error {
	if err := tcp.RegisterCongestionControl(name, new); err != nil {
		return errors.New("usernet: " + err.Error())
	}
	return nil
}

// CongestionControls returns the names of the algorithms that there are, sorted:
// those that come with the stack, and those that were registered.
func CongestionControls() []string { return tcp.CongestionControls() }

// SetCongestionControl has another algorithm decide how much may be in the network:
// one of CongestionControls, from now on. An unknown one is an error that matches
// ENOENT. Info tells which there is, and what it has to say of itself.
func (c *TCPConn) SetCongestionControl(name string) error {
	a, err := lookupAlgorithm(name)
	if a == nil && err == nil {
		err = host.ErrInvalid // as the kernel
	}
	if err == nil {
		err = c.engine().SetCongestionControl(a)
	}
	return c.opError("set", "setsockopt", err)
}

// lookupAlgorithm returns the algorithm of a name; nil for the empty one, which leaves
// the choice to others.
func lookupAlgorithm(name string) (*tcp.Algorithm, error) {
	if name == "" {
		return nil, nil
	}
	a, err := tcp.LookupAlgorithm(name)
	if err != nil {
		return nil, &noEntryError{err}
	}
	return a, nil
}

// noEntryError is an error which names what is unknown, where the kernel says ENOENT.
type noEntryError struct{ error }

func (e *noEntryError) Unwrap() error        { return e.error }
func (e *noEntryError) Is(target error) bool { return target == syscall.ENOENT }
