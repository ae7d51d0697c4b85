package usernet

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/internal/host"
)

// A Pinger asks one host for echoes (ICMP, RFC 792 and 4443). Its methods may be
// called concurrently.
type Pinger struct {
	p   *host.Pinger
	dst netip.Addr
}

// A PingReply is the answer to an echo request.
type PingReply struct {
	From     netip.Addr
	Sequence uint16        // of the request, from 1, modulo 65536
	Size     int           // bytes of data that came back
	TTL      uint8         // of the answer, as it arrived; IPv6's hop limit
	RTT      time.Duration // from the request to the answer
}

// NewPinger returns a Pinger for dst, to be closed after use. The error is that
// of a dial: ENETUNREACH where no route leads to dst.
func (s *Stack) NewPinger(dst netip.Addr) (*Pinger, error) {
	p, err := s.host.NewPinger(dst)
	if err != nil {
		return nil, pingError(dst, err)
	}
	return &Pinger{p, dst}, nil
}

// Ping sends an echo request with size bytes of data and waits for its answer, or
// until ctx is done. What says that there will be none is an error: EHOSTUNREACH
// and its kin.
func (p *Pinger) Ping(ctx context.Context, size int) (PingReply, error) {
	r, err := p.p.Ping(ctx, size)
	if err != nil {
		return PingReply{}, pingError(p.dst, err)
	}
	return PingReply(r), nil
}

// Close ends all calls of Ping with net.ErrClosed.
func (p *Pinger) Close() error { return p.p.Close() }

func pingError(dst netip.Addr, err error) error {
	network := "ip4:icmp"
	if dst.Is6() && !dst.Is4In6() {
		network = "ip6:ipv6-icmp"
	}
	addr := &net.IPAddr{IP: dst.AsSlice(), Zone: dst.Zone()}
	return &net.OpError{Op: "ping", Net: network, Addr: addr, Err: cause("sendto", err)}
}
