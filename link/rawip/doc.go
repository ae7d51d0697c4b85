// Package rawip lets a stack share the host's own addresses with its kernel. The
// kernel routes and resolves what is sent (raw IP sockets), and goes on to answer
// ARP, neighbour solicitations and pings; what comes for ports that the stack uses
// is the stack's. Other ports are the kernel's, as before.
//
// On the way of a byte it stands beside the kernel's IP. A packet tap (package
// link/packet) copies what arrives before any rule for IP sees it; a raw IP socket
// would not do, because it sees merged segments with partial checksums and cannot
// tell. An nftables rule drops the same packets when they come to the kernel's TCP
// and UDP (the hook input), so that it neither answers nor resets: no RST of
// anybody is filtered. The rule stands before those of other programs, which could
// reject what it drops, and is in a table of its own per link, which the kernel
// removes when the process ends, however it ends. A bound socket for each port
// keeps other programs from it, and shows who has it, in ss or netstat. After a
// crash nothing is left behind.
//
// # What to know
//
//   - The host's own firewall rules for input do not apply to these ports: the
//     packets are copied before them. What acts earlier does: XDP, tc, and
//     nftables' netdev family. Nor does the host's check of sources (rp_filter) apply.
//     Rules for output apply; a packet that they refuse is refused with EPERM. Where connections are tracked, the tracker never sees
//     those from outside begin, since what opens them is dropped, and calls the
//     stack's answers invalid: a rule that drops what is invalid on output needs an
//     exception. Connections that the stack dials it knows.
//   - Where the host translates addresses (NAT), the stack sees packets before that. A
//     port that a rule redirects is served twice. Connections of others, of containers
//     say, that the host gives a port of the stack's are reset by the stack, to which
//     their packets come too: on such a host package link/packet does better.
//   - A port is taken on all addresses of the host and for both families, whichever
//     the stack has. A port that any program has bound, for either family, or for
//     which the kernel has a connection, one in TIME-WAIT among them, is in use
//     (EADDRINUSE).
//   - Each port that is in use, for as long as connections or their TIME-WAIT last,
//     takes a file descriptor. To reserve and release one took 0.4 ms on two busy
//     cores, and 0.7 ms beside 10000 others.
//   - A neighbour that does not answer is known to the kernel alone: what is sent to it
//     gets no answer, and a dial to it ends with its time-out.
//   - Super-segments and partial checksums are received, but not sent: raw sockets
//     know neither.
//   - Programs on the host itself cannot reach the stack by the host's addresses,
//     nor by its loopback: as ports on which nobody listens, TCP refuses them and
//     UDP says nothing. The stack cannot reach the host's programs either: the
//     host's addresses are its own.
//   - Only unicast to the addresses that the host has when it comes is received:
//     TCP and UDP to the stack's ports, fragments of these, ICMP errors and echo
//     replies. Multicast and broadcasts are the kernel's.
//   - Of a datagram in fragments the first has to come first: the others do not tell
//     a port.
//
// It needs CAP_NET_RAW and CAP_NET_ADMIN, and nftables in the kernel. Linux only;
// elsewhere Open says so.
package rawip
