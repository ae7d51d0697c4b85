package host

import (
	"errors"

	"github.com/usernet-go/usernet/tcp"
)

// What the verbs of this package return, beside the sentinels of package tcp
// and io.EOF. The face maps each to what the kernel would say.
var (
	ErrClosed         = tcp.ErrClosed                                 // the connection, socket, listener or host was closed here
	ErrDeadline       = errors.New("deadline exceeded")               // the deadline has passed
	ErrAddrInUse      = errors.New("address already in use")          // EADDRINUSE
	ErrAddrNotAvail   = errors.New("cannot assign requested address") // EADDRNOTAVAIL: not an address of this host, or not one that the verb takes
	ErrNoPorts        = errors.New("no free port")                    // EADDRNOTAVAIL: all ephemeral ports are taken
	ErrNoRoute        = errors.New("network is unreachable")          // ENETUNREACH: no route leads there
	ErrMessageTooLong = errors.New("message too long")                // EMSGSIZE
	ErrNoBuffers      = errors.New("no buffer space available")       // ENOBUFS: a bound of the host is reached
	ErrInvalid        = errors.New("invalid argument")                // EINVAL: an address or port that the verb cannot take
	ErrNotConnected   = errors.New("destination address required")    // EDESTADDRREQ: a write without address on a socket without peer
	ErrIsConnected    = errors.New("transport endpoint is connected") // EISCONN: a write with address on a socket with peer
	ErrBadInterface   = errors.New("invalid interface configuration") // Attach: the reason is in the text around it
	ErrLinkDown       = errors.New("network is down")                 // ENETDOWN: the link has ended, or refused the packet
	ErrNoInterface    = errors.New("no such interface")               // ENODEV: no interface of that name
	ErrExists         = errors.New("duplicate")                       // EEXIST: the address or route is there already
	ErrNoRouteEntry   = errors.New("no such route")                   // ESRCH: there is no such route to be removed
	ErrBadRoute       = errors.New("invalid route")                   // AddRoute: the reason is in the text around it
)

// Sentinels of package tcp that the network layer returns too.
var (
	ErrRefused         = tcp.ErrRefused         // ECONNREFUSED: port unreachable
	ErrHostUnreachable = tcp.ErrHostUnreachable // EHOSTUNREACH: no answer to ARP or ND, or an ICMP error said so
	ErrNetUnreachable  = tcp.ErrNetUnreachable  // ENETUNREACH: an ICMP error said so
	ErrProtocol        = tcp.ErrProtocol        // ENOPROTOOPT: protocol unreachable

	errPortUnreachable = tcp.ErrPortUnreachable // told to TCP as it is, to UDP as ErrRefused
)
