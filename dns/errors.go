package dns

import (
	"errors"
	"net/netip"
)

// What a look-up ends with, below *Error. The texts are those of package net.
var (
	// ErrNotFound says that the name does not exist, or has no records of the
	// type: trying again will not help.
	ErrNotFound = errors.New("no such host")
	// ErrServerFailure says that the server could not find out (SERVFAIL).
	ErrServerFailure = errors.New("server misbehaving")
	// ErrMisbehaving says that the server refused, or answered with what makes no
	// sense as an answer.
	ErrMisbehaving = errors.New("server misbehaving")
	// ErrLameReferral says that the server neither knows nor asks others.
	ErrLameReferral = errors.New("lame referral")
	// ErrTimeout says that the server did not answer in time.
	ErrTimeout = errors.New("i/o timeout")
	// ErrInvalid says that what came by TCP does not answer the question.
	ErrInvalid = errors.New("invalid DNS response")
	// ErrUnmarshal says that an answer is cut short or garbled.
	ErrUnmarshal = errors.New("cannot unmarshal DNS message")
	// ErrNoServers says that there is nobody to ask.
	ErrNoServers = errors.New("no DNS servers")
)

// Error is how the last attempt at a question ended.
type Error struct {
	Err    error          // one of this package's, or what In.Err said
	Server netip.AddrPort // who was asked last; the zero value if nobody was
	Socket int            // where the failure was, as in Out; 0 if nowhere
}

func (e *Error) Error() string {
	if !e.Server.IsValid() {
		return e.Err.Error()
	}
	return e.Server.String() + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }
