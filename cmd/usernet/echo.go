package main

import (
	"net/netip"

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

// parseAddrPort reads the argument ADDR:PORT. Without wildcard, an address and a
// port must be there.
func parseAddrPort(s string, wildcard bool) (netip.AddrPort, error) {
	full := s
	if wildcard && len(s) > 0 && s[0] == ':' {
		full = "[::]" + s // as in package net: all addresses of both families
	}
	ap, err := netip.ParseAddrPort(full)
	switch {
	case err != nil:
		return ap, usagef("%q: expected ADDR:PORT, for example 10.9.0.2:7 or [fd00:9::2]:7", s)
	case !wildcard && (ap.Port() == 0 || ap.Addr().IsUnspecified()):
		return ap, usagef("%q: expected the address and port of a peer, for example 10.9.0.1:7 or [fd00:9::1]:7", s)
	}
	return ap, nil
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
