package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/internal/ladder"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// A demo is an echo between two stacks, over a wire in memory.
type demo struct {
	size  sizeValue
	loss  shareValue
	delay delayValue
	seed  rangeValue

	congestion congestionValue

	returned atomic.Int64 // bytes
	recorder *recorder
}

const (
	demoMaxSize = 64 << 20 // bytes: every segment is kept for the picture
	demoClient  = "10.0.0.1"
	demoServer  = "10.0.0.2"
	demoPort    = "7" // echo (RFC 862)
	demoPrefix  = "/24"

	// demoFarewell is how long the picture waits, after the last byte has come
	// back, for the ends to agree that the connection is closed.
	demoFarewell = 5 * time.Second
)

func newDemo() *cobra.Command {
	d := &demo{
		size:  sizeValue{4 << 20, demoMaxSize},
		loss:  shareValue{0.01, 0.2},
		delay: delayValue{5 * time.Millisecond, time.Second},
		seed:  rangeValue{1, 0, 1<<31 - 1},
	}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Send some megabytes there and back between two stacks in memory",
		Long: `Demo joins two stacks by a wire in memory that loses and delays packets, sends
random bytes through a TCP connection to an echo server and back, and compares
every one. It draws the connection: handshake, first data, a lost segment and its
way back, close. It needs no privilege, and its status is 0 only if every byte came
back.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.Var(&d.size, "size", "how much to send")
	f.Var(&d.loss, "loss", "share of packets that the wire loses, each way")
	f.Var(&d.delay, "delay", "of the wire, each way")
	f.Var(&d.seed, "seed", "decides which packets are lost, and the bytes that are sent")
	d.congestion.register(cmd)
	return cmd
}

// run sends, compares, draws and sums up.
func (d *demo) run(ctx context.Context, out, errOut io.Writer) error {
	d.recorder = newRecorder()
	p := startProgress(errOut, func() string {
		return fmt.Sprintf("%d of %d bytes are back", d.returned.Load(), d.size.n)
	})
	took, err := d.converse(ctx)
	p.stop()
	if ctx.Err() != nil {
		return errInterrupted
	}
	events := d.recorder.recorded()
	left, right := demoClient, demoServer+":"+demoPort
	if len(events) > 0 {
		left = fmt.Sprintf("%s:%d", left, events[0].TCP.SrcPort)
		if err := ladder.Draw(out, left, right, events); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	t := ladder.Count(events)
	_, err = fmt.Fprintf(out, "\n%d bytes there and back, each as it was sent, in %.2f s: %.2f Mbit/s, %d segments, %d retransmissions, %d lost on the wire\n",
		d.size.n, took.Seconds(), float64(d.size.n)*8/1e6/took.Seconds(), t.Segments, t.Retransmissions, t.Lost)
	return err
}

// converse makes the network, sends the bytes, and returns how long they took
// there and back.
func (d *demo) converse(ctx context.Context) (time.Duration, error) {
	a, b := pipe.New(pipe.Config{Medium: link.IP}) // without ARP, whose loss would say nothing of TCP
	client, err := d.stack(a, demoClient, ladder.LeftToRight)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	server, err := d.stack(b, demoServer, ladder.RightToLeft)
	if err != nil {
		return 0, err
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); server.Close() })()

	ln, err := server.Listen("tcp", demoServer+":"+demoPort)
	if err != nil {
		return 0, err
	}
	go serveOne(ln)
	begin := time.Now()
	if err := d.echo(ctx, client); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	select {
	case <-d.recorder.closed:
	case <-ctx.Done():
	case <-time.After(demoFarewell):
	}
	return took, nil
}

// stack returns a stack at one end of the wire, with the recorder before it.
func (d *demo) stack(l link.Link, addr string, sends ladder.Direction) (*usernet.Stack, error) {
	shaped := link.Shape(l, link.ShapeConfig{
		Path: link.Path{Loss: d.loss.p, Delay: d.delay.d},
		Seed: 2*uint64(d.seed.n) + uint64(sends), // the ways lose different packets
	})
	s, err := usernet.New(usernet.Config{CongestionControl: string(d.congestion)})
	if err != nil {
		shaped.Close()
		return nil, err
	}
	err = s.Attach(d.recorder.watch(shaped, sends), usernet.Interface{
		Name:  "wire",
		Addrs: []netip.Prefix{netip.MustParsePrefix(addr + demoPrefix)},
	})
	if err != nil {
		s.Close()
		shaped.Close()
		return nil, err
	}
	return s, nil
}
