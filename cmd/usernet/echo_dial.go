package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
)

func newEchoDial() *cobra.Command {
	var n network
	var udp bool
	cmd := &cobra.Command{
		Use:   "dial HOST:PORT",
		Short: "Send the standard input to a peer, and write what it returns to the standard output",
		Long: `Dial connects to HOST:PORT, sends the standard input and writes what returns to the
standard output. At the end of the input it closes its half of the connection, and
it ends, with status 0, when the peer has closed the other.

With --udp each line of the input is one datagram, and each datagram is expected to
come back: the status is 1 when one has not done so a second after the last.`,
		Example: `  usernet echo dial 10.9.0.1:7 --link tap:tap0 --addr 10.9.0.2/24 --host-addr 10.9.0.1/24 < file`,
		Args:    oneArg("HOST:PORT of the peer, for example 10.9.0.1:7,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			peer := args[0]
			host, err := parsePeer(peer)
			if err != nil {
				return err
			}
			if err := n.checkName(host); err != nil {
				return err
			}
			if err := n.congestion.checkTCP(udp); err != nil {
				return err
			}
			return n.with(cmd, func(ctx context.Context, s *usernet.Stack) error {
				d := dialed{in: cmd.InOrStdin(), out: cmd.OutOrStdout()}
				defer startProgress(cmd.ErrOrStderr(), d.line).stop()
				if udp {
					return d.overUDP(ctx, s, peer)
				}
				return d.overTCP(ctx, s, peer)
			})
		},
	}
	n.register(cmd)
	n.congestion.register(cmd)
	cmd.Flags().BoolVar(&udp, "udp", false, "UDP instead of TCP")
	return cmd
}

// dialed is a conversation with a peer.
type dialed struct {
	in             io.Reader
	out            io.Writer
	sent, returned atomic.Int64 // bytes
}

func (d *dialed) line() string {
	return fmt.Sprintf("%d bytes sent, %d returned", d.sent.Load(), d.returned.Load())
}

func (d *dialed) overTCP(ctx context.Context, s *usernet.Stack, peer string) error {
	conn, err := s.DialContext(ctx, "tcp", peer)
	if err != nil {
		return err
	}
	c := conn.(*usernet.TCPConn)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(&countingWriter{c, &d.sent}, d.in)
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()
	if _, err := io.Copy(&countingWriter{d.out, &d.returned}, c); err != nil {
		return err
	}
	// The peer has said its last word. What the input still holds it may want to
	// read: but somebody at a terminal would be kept for nothing.
	if isTerminal(d.in) {
		select {
		case err = <-sent:
		default:
		}
	} else {
		err = <-sent
	}
	if err != nil {
		return err
	}
	c.SetLinger(lastWords) // or the end of the stack would reset what is on its way
	return c.Close()
}
