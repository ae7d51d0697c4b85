package tcp

import "errors"

// What the verbs of a connection return, beside io.EOF. They are compared with
// ==; the face maps them to the errors of package net.
var (
	ErrWouldBlock      = errors.New("tcp: would block")            // nothing to read, or no room to write, for now
	ErrReset           = errors.New("tcp: connection reset")       // the peer sent RST
	ErrRefused         = errors.New("tcp: connection refused")     // the peer answered our SYN with RST
	ErrTimeout         = errors.New("tcp: timed out")              // R2, user timeout or keepalive ran out
	ErrPipe            = errors.New("tcp: broken pipe")            // write after the own CloseWrite, or after the connection's end
	ErrClosed          = errors.New("tcp: closed")                 // after the own Close or Abort
	ErrNotConnected    = errors.New("tcp: not connected")          // in LISTEN, or before any OPEN
	ErrAborted         = errors.New("tcp: connection aborted")     // Err after the own Abort
	ErrHostUnreachable = errors.New("tcp: host unreachable")       // for Unreachable: ICMP, or a neighbour that does not answer
	ErrNetUnreachable  = errors.New("tcp: network unreachable")    // for Unreachable
	ErrProtocol        = errors.New("tcp: protocol not available") // for Unreachable: protocol unreachable
	ErrPortUnreachable = errors.New("tcp: port unreachable")       // for Unreachable: port unreachable
	ErrMessageSize     = errors.New("tcp: packet needs fragments") // for Unreachable: cannot be sent in the path's MTU
)
