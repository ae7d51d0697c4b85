package main

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/spf13/cobra"
)

// newEcho returns the parent of both ends of the echo service (RFC 862).
func newEcho() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "echo",
		Short: "Send back what arrives, or be the other end of that",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEchoServe(), newEchoDial())
	return cmd
}

// parseListen reads the argument ADDR:PORT of a server.
func parseListen(s string) (netip.AddrPort, error) {
	full := s
	if len(s) > 0 && s[0] == ':' {
		full = "[::]" + s // as in package net: all addresses of both families
	}
	ap, err := netip.ParseAddrPort(full)
	if err != nil {
		return ap, usagef("%q: expected ADDR:PORT, for example 10.9.0.2:7 or [fd00:9::2]:7", s)
	}
	return ap, nil
}

// parsePeer checks the argument HOST:PORT of a client, and returns the host.
func parsePeer(s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", usagef("%q: expected HOST:PORT, for example 10.9.0.1:7 or [fd00:9::1]:7", s)
	}
	addr, err := netip.ParseAddr(host)
	if n, bad := strconv.ParseUint(port, 10, 16); bad != nil || n == 0 || host == "" || err == nil && addr.IsUnspecified() {
		return "", usagef("%q: expected the address, or the name, and the port of a peer, for example 10.9.0.1:7 or [fd00:9::1]:7", s)
	}
	return host, nil
}

// oneArg checks that a command got one argument, and says what it is.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return usagef("%s is missing", what)
		}
		return usagef("one argument is expected, %s; %q is one too many", what, args[1])
	}
}
