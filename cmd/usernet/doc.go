// Command usernet shows the TCP/IP stack of this module at work: over a wire in
// memory (demo), and over a TUN or TAP device with the kernel's own stack at the
// other end (echo, ping).
//
// It stands in front of the public packages and adds no protocol of its own; one
// file holds one subcommand. It does not resolve names and does not ask DHCP for
// an address: addresses are given as flags.
//
// The exit status is 0 for success, 1 when something failed while it ran, 2 when
// the command line was wrong.
package main
