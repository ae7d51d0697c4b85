package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/tcp"
)

// A congestionValue names an algorithm of congestion control; the empty one is the
// stack's default.
type congestionValue string

func (v *congestionValue) Set(s string) error {
	if names := usernet.CongestionControls(); !slices.Contains(names, s) {
		return fmt.Errorf("expected one of %s", strings.Join(names, ", "))
	}
	*v = congestionValue(s)
	return nil
}

func (v *congestionValue) String() string { return string(*v) }
func (v *congestionValue) Type() string   { return "NAME" }

// register adds the flag to cmd.
func (v *congestionValue) register(cmd *cobra.Command) {
	cmd.Flags().Var(v, "congestion", fmt.Sprintf("congestion control of TCP: %s (default: %s)",
		strings.Join(usernet.CongestionControls(), ", "), tcp.DefaultCongestionControl))
}

// checkTCP refuses it where there is no TCP.
func (v *congestionValue) checkTCP(udp bool) error {
	if udp && *v != "" {
		return usagef("--congestion %s: there is no congestion control in UDP: leave it out, or leave out --udp", *v)
	}
	return nil
}
