// Package ends makes hosts of different stacks, two at a time, joined by a hop:
// usernet, gVisor's netstack, and the kernel's TCP. What they are given is the same:
// an MTU of 1500, buffers of up to 32 MiB that tune themselves where the stack can,
// and the congestion control that is asked for, at both ends.
package ends

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/bench/internal/hop"
)

const (
	mtu = 1500
	// port is where each host listens.
	port = 5001
	// largest bounds the bytes that a connection may have in a buffer: four times
	// what 100 Mbit/s and 300 ms have on the way and in one product of queue.
	largest = 32 << 20
	// dialPatience is enough for a handshake of which several packets are lost.
	dialPatience = time.Minute
)

var addresses = [2][4]byte{{10, 0, 0, 1}, {10, 0, 0, 2}}

func address(i int) string { return fmt.Sprintf("%s:%d", net.IP(addresses[i][:]), port) }

// A Host is one end. Connections are closed by who made them.
type Host interface {
	// Listener listens from the start, and belongs to the host.
	Listener() net.Listener
	// Dial connects to the other host.
	Dial() (net.Conn, error)
	// Resent returns how many segments a connection of this host has sent again.
	Resent(net.Conn) (int, error)
}

// A Pair is two hosts. The first one's packets go forth on the hop.
type Pair interface {
	Host(i int) Host
	Close()
}

// A Stack makes pairs.
type Stack struct {
	Name       string
	Algorithms []string // that it knows
	// Join makes two hosts with the congestion control of that name. The hop is not
	// started yet. When it is closed, Close ends the hosts.
	Join func(h *hop.Hop, algorithm string) (Pair, error)
	// Ready says what is missing for the stack to run on this machine.
	Ready func() error
}

// Names of stacks.
const (
	Linux   = "linux"
	GVisor  = "gvisor"
	Usernet = "usernet"
)

// Stacks returns all of them.
func Stacks() []Stack {
	ready := func() error { return nil }
	return []Stack{
		{Linux, []string{"cubic", "bbr", "reno"}, joinKernel, kernelReady},
		{GVisor, []string{"cubic", "reno"}, joinGVisor, ready},
		{Usernet, usernet.CongestionControls(), joinUsernet, ready},
	}
}

// Find returns the stack of that name.
func Find(name string) (Stack, error) {
	all := Stacks()
	i := slices.IndexFunc(all, func(s Stack) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, s := range all {
			names = append(names, s.Name)
		}
		return Stack{}, fmt.Errorf("no stack %q; there are %s", name, strings.Join(names, ", "))
	}
	return all[i], nil
}
