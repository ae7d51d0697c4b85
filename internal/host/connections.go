package host

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// A Connection is what there is to tell of a TCP connection, a listener, a record
// in TIME-WAIT or a UDP socket at an instant. The public package documents it.
type Connection struct {
	Network       string
	Local, Remote netip.AddrPort
	State         tcp.State
	RecvQ, SendQ  int
	Timer         string
	TimerLeft     time.Duration
	Info          *tcp.Info
}

// Connections returns what there is, TCP before UDP, listeners before
// connections, and otherwise by addresses. It is not all of one instant: no lock
// is held for longer than a shard, a connection or a part of a table takes.
func (h *Host) Connections() []Connection {
	now := h.clock.Now()
	all := h.listeners.connections()
	for _, c := range h.flows.all() {
		if one, ok := c.connection(now); ok {
			all = append(all, one)
		}
	}
	all = h.timeWait.connections(all, now, h.net.Load())
	all = append(all, h.udp.connections()...)
	for i := range all {
		c := &all[i]
		c.Local, c.Remote = h.withZone(c.Local, c.Local.Addr()), h.withZone(c.Remote, c.Local.Addr())
	}
	slices.SortStableFunc(all, compareConnections)
	return all
}

func compareConnections(a, b Connection) int {
	listens := func(c Connection) int {
		if c.State == tcp.StateListen {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Network, b.Network), listens(a)-listens(b),
		a.Local.Compare(b.Local), a.Remote.Compare(b.Remote))
}

// connection describes c, unless it has left the table: it has ended, or is a
// record in TIME-WAIT.
func (c *TCPConn) connection(now time.Time) (one Connection, ok bool) {
	c.mu.Lock()
	info, gone := c.m.InfoAt(now), c.detached
	c.mu.Unlock()
	if gone {
		return Connection{}, false
	}
	one = Connection{
		Network: "tcp", Local: c.key.localAddrPort(), Remote: c.RemoteAddr(),
		State: info.State, RecvQ: info.Unread, SendQ: info.Queued,
		Timer: info.Timer, TimerLeft: timeLeft(now, info.Due), Info: &info,
	}
	if info.State == tcp.StateTimeWait {
		one.Info = nil // its last segment is on its way out, behind which a record is all that is left
	}
	return one, true
}

// timeLeft is how long it is from now to due, which is zero if there is no timer.
func timeLeft(now, due time.Time) time.Duration {
	if due.IsZero() {
		return 0
	}
	return max(0, due.Sub(now))
}

// connections returns the listeners. As in the kernel's list, what waits in their
// receive queues are connections for Accept, and the send queue is its bound.
func (ls *tcpListeners) connections() (all []Connection) {
	var listeners []*TCPListener
	ls.mu.RLock()
	for _, at := range ls.byPort {
		listeners = append(listeners, at...)
	}
	ls.mu.RUnlock()
	for _, l := range listeners {
		l.mu.Lock()
		all = append(all, Connection{
			Network: "tcp", Local: l.local, State: tcp.StateListen,
			RecvQ: len(l.backlog.ready), SendQ: l.backlog.max,
		})
		l.mu.Unlock()
	}
	return all
}

// timeWaitStep is how many records are looked at under one lock.
const timeWaitStep = 1024

// connections appends the records; net says what the zones are called.
func (t *timeWaitTable) connections(all []Connection, now time.Time, net *topology) []Connection {
	for i, more := 1, true; more; i += timeWaitStep {
		t.mu.Lock()
		end := min(i+timeWaitStep, len(t.slab))
		for k := i; k < end; k++ {
			r := &t.slab[k]
			if r.key.remotePort == 0 {
				continue // free
			}
			all = append(all, Connection{
				Network: "tcp", Local: r.key.localAddrPort(), Remote: net.remoteAddrPort(&r.key),
				State: tcp.StateTimeWait, Timer: tcp.TimerTimeWait, TimerLeft: timeLeft(now, r.tw.Deadline()),
			})
		}
		more = end < len(t.slab)
		t.mu.Unlock()
	}
	return all
}

// connections returns the sockets. As in the kernel, one that is connected is
// ESTABLISHED, and others are CLOSED.
func (t *udpTable) connections() (all []Connection) {
	t.mu.RLock()
	sockets := t.all()
	t.mu.RUnlock()
	for _, c := range sockets {
		one := Connection{Network: "udp", Local: c.local, Remote: c.remote}
		if c.remote.IsValid() {
			one.State = tcp.StateEstablished
		}
		c.mu.Lock()
		one.RecvQ = c.queued
		c.mu.Unlock()
		all = append(all, one)
	}
	return all
}
