package usernet

import (
	"errors"
	"net"
	"os"

	"github.com/usernet-go/usernet/dns"
)

func isNotFound(err error) bool { return errors.Is(err, dns.ErrNotFound) }

// lookupError returns package net's error for one of a look-up.
func (x *exchange) lookupError(err error, name string) *net.DNSError {
	var failure *dns.Error
	if !errors.As(err, &failure) {
		return contextError(err, name)
	}
	err = x.socketError(failure)
	e := &net.DNSError{Err: err.Error(), Name: name}
	if failure.Server.IsValid() {
		e.Server = failure.Server.String()
	}
	var op *net.OpError
	switch {
	case err == dns.ErrNotFound:
		e.IsNotFound = true
	case err == dns.ErrServerFailure:
		e.IsTemporary = true
	case err == dns.ErrNoServers:
		e.IsNotFound = true
		e.Err = dns.ErrNotFound.Error()
		if len(x.resolver.Hosts) == 0 && x.resolver.HostsFunc == nil {
			e.Err += noResolver
		}
	case errors.As(err, &op):
		e.IsTimeout, e.IsTemporary = op.Timeout(), true
	}
	return e
}

// socketError returns the error in the words of the socket where it was: silence
// is a read, or a dial, that came to its deadline.
func (x *exchange) socketError(err *dns.Error) error {
	k := x.sockets[err.Socket]
	if k == nil || err.Err != dns.ErrTimeout {
		return err.Err
	}
	t := transportUDP
	if k.out.TCP {
		t = transportTCP
	}
	source := k.source()
	if source == nil {
		return &net.OpError{Op: "dial", Net: network{transport: t}.String(), Addr: t.addr(err.Server), Err: errTimeout}
	}
	return &net.OpError{Op: "read", Net: network{transport: t}.String(), Source: source, Addr: t.addr(err.Server), Err: os.ErrDeadlineExceeded}
}
