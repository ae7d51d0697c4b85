package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
)

// A demo is an echo between two stacks, over a network in memory.
type demo struct {
	size  sizeValue
	loss  shareValue
	delay delayValue
	seed  rangeValue

	congestion congestionValue

	plot plotValue

	returned atomic.Int64 // bytes
	ladder   *sim.Ladder  // the picture in letters, once there is a network
	// What there was on the wire, when it is over.
	segments, resent, lost int
	algorithm              string
}

const (
	demoMaxSize = 64 << 20 // bytes: every segment is kept for the picture
	demoPort    = ":7"     // echo (RFC 862)

	// demoFarewell is how long the picture waits, after the last byte has come
	// back, for the ends to agree that the connection is closed; every demoLook it
	// looks whether they do.
	demoFarewell = 5 * time.Second
	demoLook     = time.Millisecond
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
back.

With --plot it also writes a picture of what the sender did, as SVG: sequence numbers
against time as tcptrace draws them, and below them window, flight and round trip.`,
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
	f.Var(&d.plot, "plot", "write a picture of the connection to this file, NAME.svg")
	return cmd
}

// run sends, compares, draws and sums up.
func (d *demo) run(ctx context.Context, out, errOut io.Writer) error {
	if d.plot == "" {
		return d.show(ctx, nil, out, errOut)
	}
	file, err := openPicture(string(d.plot))
	if err != nil {
		return err
	}
	defer file.close()
	p := new(plotter)
	if err := d.show(ctx, p, out, errOut); err != nil {
		return err
	}
	return file.write(p.figure(d.caption()))
}

// show is run, but for the picture.
func (d *demo) show(ctx context.Context, tracer usernet.Tracer, out, errOut io.Writer) error {
	p := startProgress(errOut, func() string {
		return fmt.Sprintf("%d of %d bytes are back", d.returned.Load(), d.size.n)
	})
	took, err := d.converse(ctx, tracer)
	p.stop()
	if ctx.Err() != nil {
		return errInterrupted
	}
	if _, err := d.ladder.WriteTo(out); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%d bytes there and back, each as it was sent, in %.2f s: %.2f Mbit/s, %d segments, %d retransmissions, %d lost on the wire\n",
		d.size.n, took.Seconds(), float64(d.size.n)*8/1e6/took.Seconds(), d.segments, d.resent, d.lost)
	return err
}

// caption is the title of the picture, and what there is to know beside it.
func (d *demo) caption() (title, note string) {
	title = fmt.Sprintf("usernet demo: %s there and back, with %s", d.size.String(), d.algorithm)
	note = fmt.Sprintf("The client's side. The network loses %v%% of the packets, and has a round trip of %v. %d of %d segments were lost, %d sent again.",
		d.loss.p*100, 2*d.delay.d, d.lost, d.segments, d.resent)
	return title, note
}

// converse makes the network, sends the bytes, and returns how long they took
// there and back. tracer hears of the client; all has been heard when it returns.
func (d *demo) converse(ctx context.Context, tracer usernet.Tracer) (time.Duration, error) {
	config := usernet.Config{CongestionControl: string(d.congestion)}
	w := sim.New(sim.Config{Seed: uint64(d.seed.n)<<1 | 1, Stack: config}) // 0 would be another one each time
	defer w.Close()
	server := w.Host("server")
	config.Tracer = tracer
	client := w.HostWith("client", sim.HostConfig{Stack: config})
	w.Connect(client, server, sim.Path{Loss: d.loss.p, Delay: d.delay.d})
	d.ladder = w.Ladder(client, server)
	defer context.AfterFunc(ctx, func() { w.Close() })()

	ln, err := server.Listen("tcp", demoPort)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	accepted := make(chan *usernet.TCPConn, 1)
	go serveOne(ln, accepted)
	conn, err := client.DialContext(ctx, "tcp", server.Addrs()[0].String()+demoPort) // one connection: a name has two addresses
	if err != nil {
		return 0, err
	}
	near, far := conn.(*usernet.TCPConn), <-accepted
	if far == nil {
		return 0, net.ErrClosed // as all is
	}
	if err := d.echo(near); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	for late := time.Now().Add(demoFarewell); ctx.Err() == nil && time.Now().Before(late); time.Sleep(demoLook) {
		if client.Stats().Connections+server.Stats().Connections == 0 {
			break
		}
	}
	info := near.Info()
	d.algorithm, d.resent = info.CongestionControl, info.Resent+far.Info().Resent
	c, s := client.Stats(), server.Stats()
	d.segments = int(c.SegmentsOut + s.SegmentsOut)
	d.lost = d.segments - int(c.SegmentsIn+s.SegmentsIn)
	return took, nil
}
