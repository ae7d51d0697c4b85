package host

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

func TestPing(t *testing.T) {
	for _, config := range media {
		a, b := newPair(t, config)
		for _, to := range []netip.Addr{peer4, peer6, loopback4, netip.IPv6Loopback(), host4} {
			p, err := a.NewPinger(to)
			if err != nil {
				t.Fatal(err)
			}
			for i, size := range []int{0, 56, 5000, maxPingSize} {
				reply, err := p.Ping(soon(t), size)
				if err != nil || reply.From != to || reply.Size != size || int(reply.Sequence) != i+1 || reply.TTL != 64 || reply.RTT < 0 {
					t.Errorf("ping %v with %d bytes: %+v, %v", to, size, reply, err)
				}
			}
			if _, err := p.Ping(soon(t), maxPingSize+1); err != ErrMessageTooLong {
				t.Errorf("ping of %d bytes: %v", maxPingSize+1, err)
			}
			p.Close()
			if _, err := p.Ping(soon(t), 0); err != ErrClosed {
				t.Errorf("ping after Close: %v", err)
			}
		}
		if len(a.pings.byID) != 0 || b.Stats().Drops[ReasonICMPEchoUnknown] != 0 {
			t.Error("a pinger was left, or an answer was lost")
		}
	}
}

// A ping ends with what happens first: an answer, ICMP's word, the neighbour's
// silence, the context's end, Close.
func TestPingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{})
		result := make(chan error, 1)
		ping := func(p *Pinger) {
			go func() { result <- second(p.Ping(t.Context(), 8)) }()
			synctest.Wait()
		}
		pinger := func(to netip.Addr) *Pinger {
			p, err := r.h.NewPinger(to)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p := pinger(far4)
		ping(p)
		r.inject(quoting(3, 1, 0, r.one()[wire.EthernetLen:]))
		if err := <-result; err != ErrHostUnreachable {
			t.Errorf("after host unreachable: %v", err)
		}
		start := time.Now()
		ping(pinger(other6))
		if err := <-result; err != ErrHostUnreachable || time.Since(start) != 3*time.Second {
			t.Errorf("a neighbour that does not answer: %v after %v", err, time.Since(start))
		}
		ping(p)
		p.Close()
		if err := <-result; err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
		p = pinger(far4)
		ping(p)
		r.h.Close()
		if err := <-result; err != ErrClosed {
			t.Errorf("after the host's Close: %v", err)
		}
		if _, err := r.h.NewPinger(far4); err != ErrClosed {
			t.Errorf("NewPinger after the host's Close: %v", err)
		}
	})
}

// What is bounded in pings.
func TestPingBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, link.Info{Medium: link.IP})
		p, err := r.h.NewPinger(far4)
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, maxPings)
		for range maxPings {
			go func() { errs <- second(p.Ping(t.Context(), 0)) }()
		}
		synctest.Wait()
		if _, err := p.Ping(t.Context(), 0); err != ErrNoBuffers {
			t.Errorf("one ping more: %v, want %v", err, ErrNoBuffers)
		}
		sent := r.l.take()
		r.inject(quoting(3, 4, 1000, change(sent[0].frame, 2, 5, 220))[ipAt:]) // as if it had had 1500 bytes
		if err := <-errs; err != ErrMessageTooLong {
			t.Errorf("after fragmentation needed: %v", err)
		}
		p.Close()
		for range maxPings - 1 {
			if err := <-errs; err != ErrClosed {
				t.Errorf("after Close: %v", err)
			}
		}
		var all []*Pinger
		for range maxPingers {
			p, err := r.h.NewPinger(far4)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		if _, err := r.h.NewPinger(far4); err != ErrNoBuffers {
			t.Errorf("one pinger more: %v, want %v", err, ErrNoBuffers)
		}
		ids := make(map[uint16]bool)
		for _, p := range all {
			ids[p.id] = true
		}
		if len(ids) != maxPingers {
			t.Errorf("%d identifiers for %d pingers", len(ids), maxPingers)
		}
	})
}

// Sequence numbers have 16 bits: one whose request still waits is not given again.
func TestPingSequenceWraps(t *testing.T) {
	r := newRig(t, Config{}, link.Info{})
	p, err := r.h.NewPinger(peer4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	first, waiting, err := p.register()
	if err != nil || first != 1 {
		t.Fatalf("sequence number %d, %v", first, err)
	}
	for i := 2; i < 1<<17; i++ {
		n, answer, err := p.register()
		if err != nil || n == first || answer == waiting {
			t.Fatalf("sequence number %d is given twice, %v", n, err)
		}
		p.forget(n)
	}
	if p.waiting[first] != waiting {
		t.Error("the first request is forgotten")
	}
}
