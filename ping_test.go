package usernet_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

func TestPinger(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	stacks := make([]*usernet.Stack, 2)
	for i, l := range []usernet.Interface{
		{Addrs: []netip.Prefix{netip.MustParsePrefix("10.3.0.1/24"), netip.MustParsePrefix("fd03::1/64")}},
		{Addrs: []netip.Prefix{netip.MustParsePrefix("10.3.0.2/24"), netip.MustParsePrefix("fd03::2/64")}},
	} {
		s, err := usernet.New(usernet.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		end := a
		if i == 1 {
			end = b
		}
		if err := s.Attach(end, l); err != nil {
			t.Fatal(err)
		}
		stacks[i] = s
	}
	for _, addr := range []string{"10.3.0.2", "fd03::2"} {
		dst := netip.MustParseAddr(addr)
		p, err := stacks[0].NewPinger(dst)
		if err != nil {
			t.Fatal(err)
		}
		for n := uint16(1); n <= 3; n++ {
			r, err := p.Ping(t.Context(), 100)
			if err != nil || r.From != dst || r.Sequence != n || r.Size != 100 || r.TTL == 0 || r.RTT < 0 {
				t.Errorf("%s: %+v, %v", addr, r, err)
			}
		}
		if _, err := p.Ping(t.Context(), 1<<16); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("%s: %v for a request beyond any packet, want %v", addr, err, syscall.EMSGSIZE)
		}
		p.Close()
		if _, err := p.Ping(t.Context(), 0); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v after Close, want %v", addr, err, net.ErrClosed)
		}
	}
	if _, err := stacks[0].NewPinger(netip.MustParseAddr("10.4.0.1")); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("%v where no route leads, want %v", err, syscall.ENETUNREACH)
	}
	p, err := stacks[0].NewPinger(netip.MustParseAddr("10.3.0.9"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Ping(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context's end, want %v", err, context.Canceled)
	}
}
