package sim_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Errors that end a connection, or a dial, when its path is too bad.
var pathErrors = []error{syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ECONNRESET, syscall.EPIPE}

// endings are the errors that a connection has once, for Read or for Write: after that
// Read returns io.EOF.
var endings = append([]error{syscall.EADDRNOTAVAIL}, pathErrors...)

func isOneOf(err error, list ...error) bool {
	for _, e := range list {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// judge says whether both ends of a talk have learned what happened.
func (k *talk) judge() {
	c, s := &k.client, &k.server
	w := k.w
	certain := !w.rough
	if k.listenErr != nil && !s.host.closed.Load() {
		s.app.errorf("Listen: %v", k.listenErr)
	}
	if k.dialErr != nil {
		if certain && !w.tight || !k.mayFail(k.dialErr) {
			c.app.errorf("dial %d: %v", k.dials, k.dialErr)
		}
		return
	}
	if certain && !k.accepted && c.plan.finish == finishCleanly {
		s.app.errorf("nothing was accepted of what %s has connected", c.app.name)
	}
	if certain && k.losers > 0 && !k.byName && k.dials == 1 && c.plan.finish == finishCleanly {
		s.app.errorf("%d connections were accepted on which nothing came", k.losers)
	}
	for _, e := range []*end{c, s} {
		if e.opened {
			e.judge()
		}
	}
	if w.clean && c.opened && s.opened && c.plan.finish == finishCleanly && s.plan.finish == finishCleanly {
		k.judgeClean()
	}
}

// judgeClean says whether a talk on perfect paths was as quick as its windows and its
// applications let it be, and sent nothing twice.
func (k *talk) judgeClean() {
	w := k.w
	// A round trip takes along what the smallest of the buffers holds; some go by for the
	// handshake, slow start and the end.
	bound := 3*time.Second + k.client.slept + k.server.slept
	for _, e := range []*end{&k.client, &k.server} {
		window := min(e.host.send, e.peer.host.receive)
		for _, n := range []int{e.plan.buffers, e.peer.plan.buffers} {
			if n > 0 {
				window = min(window, n)
			}
		}
		bound += time.Duration(30+2*e.plan.total/window) * (2*w.delay + 2*w.ticks + 80*time.Millisecond)
		// Probes of a closed window count as well.
		if e.resent > 0 && e.peer.slept < time.Millisecond && k.late == 0 {
			e.app.errorf("%s: %d segments were sent again", e.name, e.resent)
		}
		w.note("%s: took %v, at most %v; slept %v", e.app.name, e.left.Sub(e.began), bound, e.slept)
	}
	if d := k.client.left.Sub(k.client.began) - k.late; d > bound {
		k.client.app.errorf("took %v; %v is plenty", d, bound)
	}
}

// mayFail says whether a dial of a rough world can end with err.
func (k *talk) mayFail(err error) bool {
	own := k.client.host
	switch {
	case isOneOf(err, net.ErrClosed):
		return own.closed.Load()
	case isOneOf(err, syscall.EADDRNOTAVAIL):
		return own.readdress.Load()
	case isOneOf(err, syscall.ENOBUFS):
		return own.maxConns > 0
	case isOneOf(err, syscall.ECONNREFUSED):
		return k.server.host.closed.Load() || k.server.host.readdress.Load() || k.listenErr != nil
	}
	var timeout net.Error
	return isOneOf(err, pathErrors...) || errors.As(err, &timeout) && timeout.Timeout()
}

func (e *end) judge() {
	p := e.peer
	if e.readErr == io.EOF && !(p.finished && e.got == p.wrote) && !(isOneOf(e.writeErr, endings...) && e.fits(e.writeErr)) {
		e.app.errorf("%s: read EOF after %d bytes; the peer wrote %d, and has finished: %v", e.name, e.got, p.wrote, p.finished)
	}
	if e.got > p.wrote {
		e.app.errorf("%s: read %d bytes; the peer wrote %d", e.name, e.got, p.wrote)
	}
	for verb, err := range map[string]error{"read": e.readErr, "write": e.writeErr} {
		if err != nil && err != io.EOF && !e.fits(err) {
			e.app.errorf("%s: %s: %v; it has left early %v, its peer %v, by abort %v", e.name, verb, err, e.early, p.early, p.aborted)
		}
	}
	if e.plan.finish == finishCleanly && isOneOf(e.readErr, net.ErrClosed) && !e.host.closed.Load() && !e.slow() && !(e.host.silent && (p.early || p.aborted || !p.opened || e.app.w.rough)) {
		e.app.errorf("%s: has waited for %v", e.name, patience)
		return
	}
	if e.plan.finish == finishCleanly && e.writeErr == nil && e.wrote != e.plan.total {
		e.app.errorf("%s: wrote %d bytes of %d", e.name, e.wrote, e.plan.total)
	}
	if e.plan.finish == finishCleanly && e.readErr == nil {
		e.app.errorf("%s: has ended its reading without a reason", e.name)
	}
}

// slow says whether a talk that took too long has got on to the end: where much is lost
// retransmissions are minutes apart.
func (e *end) slow() bool {
	last := e.moved
	if e.peer.moved.After(last) {
		last = e.peer.moved
	}
	return e.app.w.rough && e.left.Sub(last) < 40*time.Minute
}

// fits says whether what happened explains an error of Read or Write.
func (e *end) fits(err error) bool {
	p := e.peer
	switch {
	case isOneOf(err, net.ErrClosed):
		return e.host.closed.Load() || e.plan.finish != finishCleanly || e.host.silent || e.slow()
	case isOneOf(err, syscall.ENOTCONN): // CloseWrite of what has ended
		return e.readErr != nil || e.app.w.rough
	case isOneOf(err, syscall.ECONNRESET, syscall.EPIPE) && (p.early || p.aborted || !p.opened):
		return true
	case isOneOf(err, syscall.EADDRNOTAVAIL):
		return e.host.readdress.Load()
	}
	return e.app.w.rough && isOneOf(err, pathErrors...)
}
