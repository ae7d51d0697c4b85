package usernet

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"github.com/usernet-go/usernet/internal/host"
)

// racing is what surrounds a race: the goroutines that look the name up and wait for
// connections, and what they tell. All but them belongs to the goroutine of run.
type racing struct {
	*dialling
	race
	ctx   context.Context // ends with run
	alarm *alarm
	wg    sync.WaitGroup

	answers  chan answer
	results  chan result
	looking  bool    // the look-up is not over
	lookErr  error   // why there are no addresses
	attempts []error // what became of each so far
}

// An answer are the addresses of one family, or, of any, the end of the look-up.
type answer struct {
	family host.Family
	ips    []netip.Addr
	err    error
}

// A result is what became of an attempt.
type result struct {
	attempt int
	conn    *TCPConn
	err     error
}

// race tries the addresses ips, or those that the resolver finds for the name, as
// RFC 8305 says.
func (g *dialling) race(ctx context.Context, ips []netip.Addr) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &racing{dialling: g, ctx: ctx, alarm: newAlarm(g.Stack.host),
		answers: make(chan answer), results: make(chan result)}
	r.sort = g.Stack.host.SortDestinations
	r.delay = max(g.FallbackDelay, minAttemptDelay)
	if g.FallbackDelay == 0 {
		r.delay = defaultAttemptDelay
	}
	defer r.end(cancel)
	if ips != nil {
		r.resolved(r.alarm.now(), ips)
	} else {
		r.looking = true
		r.awaits4, r.awaits6 = g.network.family != host.FamilyIPv6, g.network.family != host.FamilyIPv4
		r.wg.Go(r.look)
	}
	return r.run()
}

// look looks the name up.
func (r *racing) look() {
	err := r.resolver.ask(r.ctx, r.network.family, r.name, func(family host.Family, ips []netip.Addr) {
		r.answers <- answer{family: family, ips: ips}
	})
	r.answers <- answer{err: err}
}

// run returns the first connection, or the error of the first address.
func (r *racing) run() (net.Conn, error) {
	over := r.ctx.Done()
	for {
		now := r.alarm.now()
		for ip, ok := r.next(now); ok; ip, ok = r.next(now) {
			if c := r.start(ip); c != nil {
				return c, nil
			}
		}
		if r.over() && !r.looking {
			if len(r.attempts) > 0 {
				return nil, r.attempts[0]
			}
			return nil, r.lookErr
		}
		r.alarm.set(now, r.deadline())
		select {
		case <-r.alarm.C:
		case a := <-r.answers:
			r.heard(a)
		case res := <-r.results:
			if res.err == nil {
				return res.conn, nil
			}
			r.attempts[res.attempt] = res.err
			r.failed(true)
		case <-over:
			// Nothing new any more; what is under way will say that it has ended.
			over, r.waiting = nil, nil
		}
	}
}

// heard takes what the look-up has found.
func (r *racing) heard(a answer) {
	switch a.family {
	case host.FamilyIPv4:
		r.awaits4 = false
	case host.FamilyIPv6:
		r.awaits6 = false
	default:
		r.looking, r.awaits4, r.awaits6 = false, false, false
		if a.err != nil {
			r.lookErr = a.err
		}
		return
	}
	if len(a.ips) > 0 {
		ips, err := r.usable(a.ips)
		if err != nil {
			r.lookErr = err
		}
		r.resolved(r.alarm.now(), ips)
	}
}

// start begins an attempt. By UDP that is all there is to it.
func (r *racing) start(ip netip.Addr) net.Conn {
	i, remote := len(r.attempts), netip.AddrPortFrom(ip, r.port)
	r.attempts = append(r.attempts, nil)
	var err error
	if r.network.transport == transportUDP {
		var c *UDPConn
		if c, err = r.dialUDP(r.ctx, r.network, r.local, remote); err == nil {
			return c
		}
	} else {
		var c *TCPConn
		if c, err = r.startTCP(r.ctx, r.network, r.local, remote); err == nil {
			r.wg.Go(func() {
				err := awaitTCP(r.ctx, c)
				if err != nil {
					err = r.opError(ip, err)
				}
				r.results <- result{i, c, err}
			})
			return nil
		}
	}
	r.attempts[i] = r.opError(ip, err)
	r.failed(false)
	return nil
}

// end calls off what is still under way, and closes connections that came too late.
func (r *racing) end(cancel context.CancelFunc) {
	cancel()
	r.alarm.stop()
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	for {
		select {
		case <-r.answers:
		case res := <-r.results:
			if res.err == nil {
				res.conn.Close()
			}
		case <-done:
			return
		}
	}
}
