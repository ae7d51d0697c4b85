package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
)

func newEchoServe() *cobra.Command {
	var n network
	var udp bool
	cmd := &cobra.Command{
		Use:   "serve ADDR:PORT",
		Short: "Send back what arrives, until a signal ends it",
		Long: `Serve listens on ADDR:PORT and sends back what arrives, on as many connections as
come. An empty ADDR, as in ":7", stands for all addresses of the stack. SIGINT,
SIGTERM and SIGHUP end it, with status 0; connections that are open then are reset.`,
		Example: `  usernet echo serve 10.9.0.2:7 --link tap:tap0 --addr 10.9.0.2/24 --host-addr 10.9.0.1/24
  usernet echo serve :7 --udp --link tun:tun0 --addr 10.9.0.2/24 --addr fd00:9::2/64
  usernet echo serve :7 --link rawip`,
		Args: oneArg("ADDR:PORT to listen on, for example 10.9.0.2:7,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := parseListen(args[0])
			if err != nil {
				return err
			}
			if err := n.congestion.checkTCP(udp); err != nil {
				return err
			}
			return n.with(cmd, func(ctx context.Context, s *usernet.Stack) error {
				if udp {
					return serveUDP(ctx, s, address.String(), cmd.ErrOrStderr())
				}
				return serveTCP(ctx, s, address.String(), cmd.ErrOrStderr())
			})
		},
	}
	n.register(cmd)
	n.congestion.register(cmd)
	cmd.Flags().BoolVar(&udp, "udp", false, "UDP instead of TCP")
	return cmd
}

// served counts what a server did, for its progress.
type served struct{ connections, datagrams, bytes atomic.Int64 }

func (n *served) line() string {
	what, count := "connections", n.connections.Load()
	if d := n.datagrams.Load(); d > 0 {
		what, count = "datagrams", d
	}
	return fmt.Sprintf("%d %s, %d bytes sent back", count, what, n.bytes.Load())
}

// serveTCP accepts connections and sends back what they bring, until ctx ends.
func serveTCP(ctx context.Context, s *usernet.Stack, address string, errOut io.Writer) error {
	ln, err := s.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(errOut, "listening on %s, TCP\n", ln.Addr())
	var count served
	defer startProgress(errOut, count.line).stop()

	var connections sync.WaitGroup
	defer connections.Wait() // the end of ctx has closed the stack: they end
	for {
		c, err := ln.Accept()
		if err != nil {
			return unlessDone(ctx, err)
		}
		count.connections.Add(1)
		connections.Go(func() {
			defer c.Close()
			// An error is the peer's: it has reset the connection, or is gone.
			io.Copy(&countingWriter{c, &count.bytes}, c)
		})
	}
}

// serveUDP sends each datagram back to where it came from, until ctx ends.
func serveUDP(ctx context.Context, s *usernet.Stack, address string, errOut io.Writer) error {
	p, err := s.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(errOut, "listening on %s, UDP\n", p.LocalAddr())
	var count served
	defer startProgress(errOut, count.line).stop()

	buf := make([]byte, maxDatagram)
	for {
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			return unlessDone(ctx, err)
		}
		// A datagram that cannot be sent back is lost, as on any network.
		if _, err := p.WriteTo(buf[:n], from); err == nil {
			count.datagrams.Add(1)
			count.bytes.Add(int64(n))
		}
	}
}

// maxDatagram is the most that a datagram can carry, in bytes.
const maxDatagram = 65535

// unlessDone returns err, but nil when it comes of the end of ctx.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// A countingWriter adds the bytes that pass it to n.
type countingWriter struct {
	w io.Writer
	n *atomic.Int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n.Add(int64(n))
	return n, err
}
