// Command usernet shows the TCP/IP stack of this module at work: over a wire in
// memory (demo), and (echo, get, ping) over a TUN or TAP device with the kernel's
// own stack at the other end, on an interface of the host with an address of its
// own, or with the host's addresses beside its kernel.
//
// It stands in front of the public packages and adds no protocol of its own; one
// file holds one subcommand. It does not ask DHCP for an address: addresses are
// given as flags, come from routers, or are the host's.
//
// The exit status is 0 for success, 1 when something failed while it ran, 2 when
// the command line was wrong.
package main
