package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
)

const (
	pingEvery = time.Second // from question to question, and for an answer to come
	pingSize  = 56          // bytes of data, as other programs of that name send
)

func newPing() *cobra.Command {
	var n network
	count := rangeValue{0, 1, math.MaxInt32}
	cmd := &cobra.Command{
		Use:   "ping HOST",
		Short: "Ask a host whether it is there, once a second (ICMP echo)",
		Long: `Ping asks HOST for an echo, once a second, until it has done so as often as --count
says, or until a signal ends it. The status is 0 when at least one answer came.`,
		Example: `  usernet ping 10.9.0.1 -c 3 --link tap:tap0 --addr 10.9.0.2/24 --host-addr 10.9.0.1/24`,
		Args:    oneArg("HOST to ask, for example 10.9.0.1,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			host := args[0]
			if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
				return usagef("%q: expected the address, or the name, of a host, for example 10.9.0.1 or fd00:9::1", host)
			}
			if err := n.checkName(host); err != nil {
				return err
			}
			return n.with(cmd, func(ctx context.Context, s *usernet.Stack) error {
				addr, err := lookup(ctx, s, host)
				if err != nil {
					return err
				}
				p, err := s.NewPinger(addr)
				if err != nil {
					return err
				}
				defer p.Close()
				return ping(ctx, p, addr, count.n, cmd.OutOrStdout())
			})
		},
	}
	n.register(cmd)
	cmd.Flags().VarP(&count, "count", "c", "how often to ask (default: until a signal)")
	return cmd
}

// A pinger asks for one echo and waits for it.
type pinger interface {
	Ping(ctx context.Context, size int) (usernet.PingReply, error)
}

// pinged is what has come of the questions up to now.
type pinged struct {
	asked, answered  int
	least, most, sum time.Duration
}

// ping asks count times, 0 for no bound, and writes what comes of it. Its error
// is nil when an answer came.
func ping(ctx context.Context, p pinger, addr netip.Addr, count int, out io.Writer) error {
	var n pinged
	next := time.NewTicker(pingEvery)
	defer next.Stop()
	for ctx.Err() == nil {
		n.ask(ctx, p, addr, out)
		if n.asked == count {
			break
		}
		select {
		case <-next.C:
		case <-ctx.Done():
		}
	}
	if n.answered == 0 {
		fmt.Fprintf(out, "%d sent, 0 answered\n", n.asked)
		return fmt.Errorf("no answer from %v", addr)
	}
	_, err := fmt.Fprintf(out, "%d sent, %d answered, time min/mean/max %s/%s/%s ms\n", n.asked, n.answered,
		milliseconds(n.least), milliseconds(n.sum/time.Duration(n.answered)), milliseconds(n.most))
	return err
}

// ask asks once and writes the answer.
func (n *pinged) ask(ctx context.Context, p pinger, addr netip.Addr, out io.Writer) {
	one, cancel := context.WithTimeout(ctx, pingEvery)
	defer cancel()
	n.asked++
	r, err := p.Ping(one, pingSize)
	switch {
	case err == nil:
		if n.answered == 0 || r.RTT < n.least {
			n.least = r.RTT
		}
		n.most, n.sum = max(n.most, r.RTT), n.sum+r.RTT
		n.answered++
		fmt.Fprintf(out, "%d bytes from %v: seq=%d ttl=%d time=%s ms\n", r.Size, r.From, r.Sequence, r.TTL, milliseconds(r.RTT))
	case ctx.Err() != nil:
		n.asked-- // nobody waited for its answer
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Fprintf(out, "no answer from %v: seq=%d\n", addr, n.asked)
	default:
		fmt.Fprintln(out, err)
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond))
}
