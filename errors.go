package usernet

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/usernet-go/usernet/internal/host"
	"github.com/usernet-go/usernet/tcp"
)

// errnos are the engine's sentinels that a kernel reports as a number. bind marks
// those that its bind reports even when the caller asked to dial.
var errnos = []struct {
	sentinel error
	errno    syscall.Errno
	bind     bool
}{
	{tcp.ErrReset, syscall.ECONNRESET, false},
	{tcp.ErrRefused, syscall.ECONNREFUSED, false},
	{tcp.ErrPortUnreachable, syscall.ECONNREFUSED, false},
	{tcp.ErrTimeout, syscall.ETIMEDOUT, false},
	{tcp.ErrPipe, syscall.EPIPE, false},
	{tcp.ErrNotConnected, syscall.ENOTCONN, false},
	{tcp.ErrHostUnreachable, syscall.EHOSTUNREACH, false},
	{tcp.ErrNetUnreachable, syscall.ENETUNREACH, false},
	{tcp.ErrProtocol, syscall.ENOPROTOOPT, false},
	{tcp.ErrMessageSize, syscall.EMSGSIZE, false},
	{host.ErrNoRoute, syscall.ENETUNREACH, false},
	{host.ErrNoPorts, syscall.EADDRNOTAVAIL, false},
	{host.ErrAddrNotAvail, syscall.EADDRNOTAVAIL, true},
	{host.ErrAddrInUse, syscall.EADDRINUSE, true},
	{host.ErrMessageTooLong, syscall.EMSGSIZE, false},
	{host.ErrInvalid, syscall.EINVAL, false},
	{host.ErrNoBuffers, syscall.ENOBUFS, false},
	{host.ErrNotConnected, syscall.EDESTADDRREQ, false},
	{host.ErrIsConnected, syscall.EISCONN, false},
	{host.ErrLinkDown, syscall.ENETDOWN, false},
	{host.ErrNoInterface, syscall.ENODEV, false},
	{host.ErrExists, syscall.EEXIST, false},
	{host.ErrNoRouteEntry, syscall.ESRCH, false},
	{host.ErrBadRoute, syscall.EINVAL, false},
	{host.ErrBadInterface, syscall.EINVAL, false},
}

// cause returns what package net has below its *net.OpError for an error of the
// engine, or of a context: call is the system call that would have failed.
func cause(call string, err error) error {
	switch {
	case errors.Is(err, host.ErrClosed), errors.Is(err, tcp.ErrClosed), errors.Is(err, tcp.ErrAborted):
		return net.ErrClosed
	case errors.Is(err, host.ErrDeadline):
		return os.ErrDeadlineExceeded
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout
	case errors.Is(err, context.Canceled):
		return errCanceled
	}
	for _, e := range errnos {
		if errors.Is(err, e.sentinel) {
			if e.bind && call != "read" && call != "write" {
				call = "bind"
			}
			return os.NewSyscallError(call, e.errno)
		}
	}
	return err
}

var (
	errMissingAddress = errors.New("missing address")
	errNoStack        = errors.New("usernet: field Stack is nil")

	errTimeout  error = &timeoutError{}
	errCanceled error = canceledError{}
)

// timeoutError is what a dial returns whose time is over: it has the text of a
// passed deadline, but it is the context's error, as in net.
type timeoutError struct{}

func (*timeoutError) Error() string        { return "i/o timeout" }
func (*timeoutError) Timeout() bool        { return true }
func (*timeoutError) Temporary() bool      { return true }
func (*timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// canceledError is what a dial returns whose context was cancelled.
type canceledError struct{}

func (canceledError) Error() string        { return "operation was canceled" }
func (canceledError) Is(target error) bool { return target == context.Canceled }
