package host

import (
	"net/netip"
	"sync"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// A TCPConn is a connection: the machine, the lock that guards it, and those who
// wait for it. Read, Write and Close block as those of package net do.
//
// The machine is driven by four parties: the application's verbs, arriving
// segments, the timer, and ICMP errors. Each locks the connection, calls the
// machine, and then settles: see settleLocked.
type TCPConn struct {
	h       *Host
	key     flowKey  // immutable
	chained *TCPConn // the next of its bucket in the flow table, whose lock guards it

	mu    sync.Mutex
	m     tcp.Conn
	timer timer // at the machine's deadline, or earlier

	route  tcpRoute      // where segments leave; looked up again when its generation has moved on
	waits  *tcpWaits     // nil: nobody waits, and no deadline was set
	linger time.Duration // of Close: < 0 in background, 0 reset, > 0 wait as long

	trace *connTrace // nil: nobody looks on

	listener  *TCPListener  // that made the connection, until it is accepted
	connected chan struct{} // of a dialled connection: closed when it is open or has failed

	resetBy int64 // until when the last reset is tried, in the timers' time; 0: it was not tried

	tos uint8 // DiffServ field of what is sent; its ECN bits are zero: they are the segment's

	failed      bool // ended before it was open; set before connected is closed
	outputting  bool // a goroutine is in outputLocked; it alone takes segments from the machine
	again       bool // the machine may have more to send since outputting was set
	writing     bool // a Write is under way; others wait until it is whole
	opened      bool // was ESTABLISHED: connected is closed, the listener has been told
	reopens     bool // a record in TIME-WAIT has this four-tuple until the connection is open
	advised     bool // the neighbour is doubted, since retransmissions are in excess
	portCounted bool // as a use of the port: see sharedPorts
	starving    bool // a Write, or the peer, waits for memory: see memory.starve
	detached    bool // out of the flow table: no segment reaches it any more
	closed      bool // by the application: verbs return ErrClosed

	family Family // TCPOptions.Family
}

// TCPOptions are what a connection is made with.
type TCPOptions struct {
	NoDelay    bool
	Family     Family         // which the application asked for: for it, here it means nothing
	KeepAlive  *tcp.KeepAlive // shared by all that are made with it; nil: none
	Congestion *tcp.Algorithm // nil: the host's
	Tracer     tcp.Tracer     // nil: the host's
}

func newTCPConn(h *Host, key flowKey, r route, generation uint32, iss tcp.Seq, opt *TCPOptions, now time.Time) *TCPConn {
	c := &TCPConn{h: h, key: key, route: r.forTCP(generation), linger: -1, family: opt.Family}
	c.timer.owner = c
	var trace *tcp.Trace
	if c.trace = h.newTrace(opt); c.trace != nil {
		trace = c.trace.events
	}
	local, remote := key.localAddrPort(), key.remoteAddrPort()
	mss, maxSegment := r.tcpSizes(local.Addr())
	c.m.Init(&h.tcp, tcp.Params{
		ISS:        iss,
		TSOffset:   h.isn.TSOffset(local, remote, key.zone),
		MSS:        mss,
		DefaultMSS: defaultMSS(local.Addr()),
		MaxSegment: maxSegment,
		Trace:      trace,
		Congestion: opt.Congestion,
	})
	c.usePathMTULocked(now)
	c.m.SetNoDelay(now, opt.NoDelay)
	c.m.SetKeepAlive(now, opt.KeepAlive)
	return c
}

// Family returns TCPOptions.Family.
func (c *TCPConn) Family() Family { return c.family }

// LocalAddr returns this end's address and port.
func (c *TCPConn) LocalAddr() netip.AddrPort {
	local := c.key.localAddrPort()
	return c.h.withZone(local, local.Addr())
}

// RemoteAddr returns the peer's address and port.
func (c *TCPConn) RemoteAddr() netip.AddrPort {
	return c.h.withZone(c.h.net.Load().remoteAddrPort(&c.key), c.key.localAddrPort().Addr())
}

// settleLocked brings the world up to date after the machine was driven: it sends
// what is due, tells those who wait, moves a connection that has ended out of the
// table, and arms the timer. c.mu is held, and released while segments are sent.
func (c *TCPConn) settleLocked(now time.Time) {
	if c.trace != nil {
		defer c.h.tracing.tellLocked(c)
	}
	c.keepPathMTULocked(now)
	if c.m.Refused() && !c.starving && !c.detached {
		c.h.memory.starve(c)
		c.m.MemoryFreed() // some may have been given back meanwhile
	}
	if c.detached {
		c.wakeLocked(now)
		return
	}
	if c.outputting {
		c.again = true // who is outputting settles
		c.wakeLocked(now)
		return
	}
	retry := c.outputLocked(now)
	if c.wakeLocked(now); c.again {
		retry = c.outputLocked(now)
	}
	if c.detached || c.outputting {
		return // somebody came while segments were sent, and has settled or will
	}
	switch state := c.m.State(); {
	case state == tcp.StateClosed && !retry.IsZero() && c.mayStillResetLocked(now):
		c.armLocked(c.resetRetryLocked(now, retry))
	case state == tcp.StateClosed, state == tcp.StateListen:
		c.detachLocked()
	case state == tcp.StateTimeWait && retry.IsZero():
		c.h.addTimeWait(c.key, c.m.TimeWait())
		c.detachLocked()
	default:
		c.armLocked(retry)
	}
}

// armLocked sets the timer to the machine's deadline, or to retry if that is set
// and earlier.
func (c *TCPConn) armLocked(retry time.Time) {
	at := int64(c.m.DeadlineSince()) // the machine's epoch is the timers'
	if !retry.IsZero() {
		if r := c.h.timers.at(retry); at == 0 || r < at {
			at = r
		}
	}
	c.h.timers.setAt(&c.timer, at)
}

// fire is the timer's: the machine's deadline has passed.
func (c *TCPConn) fire(now time.Time) {
	c.mu.Lock()
	var doubted tcpRoute
	if !c.detached {
		c.m.Advance(now)
		if advice := c.m.NegativeAdvice(); advice != c.advised {
			c.advised = advice
			if advice {
				doubted = c.route
			}
		}
		if c.m.GiveBack(now) {
			c.releaseWaitsLocked()
		}
		c.settleLocked(now)
	}
	c.mu.Unlock()
	// RFC 9293, 3.8.3: "When the number of transmissions of the same segment reaches
	// or exceeds threshold R1, pass negative advice [...] to the IP layer, to trigger
	// dead-gateway diagnosis." (MUST-20)
	if doubted.nbr != nil {
		doubted.ifc.neighbours.doubt(now, doubted.nbr, c.key.localAddrPort().Addr())
	}
}

// wakeLocked tells those who wait what has become of the connection.
func (c *TCPConn) wakeLocked(now time.Time) {
	if !c.opened {
		c.openedLocked(now)
	}
	if c.m.Awaited() {
		c.wakeReadersLocked()
	}
	// Nobody else waits for room, or for the state: see write and lingerLocked.
	if (c.writing || c.closed) && c.worthWritingLocked() {
		c.wakeWritersLocked()
	}
}

// worthWritingLocked says that a Write which waits for room is to look again: like
// Linux's, once a third of the buffer is free. With a wake-up for each
// acknowledgment a bulk transfer over a pipe, in segments of 1500 bytes and writes
// of 32 or 64 KiB, takes a fifth longer; with super-segments there is no difference.
func (c *TCPConn) worthWritingLocked() bool {
	switch c.m.State() {
	case tcp.StateEstablished, tcp.StateCloseWait:
		return c.m.Room() >= c.m.SendBuffer()/3
	}
	return c.m.Writable() // or it will fail; a Close that lingers looks at the state
}

// openedLocked tells the dialler or the listener that the handshake is over. If it
// sets again, there is a reset to send.
func (c *TCPConn) openedLocked(now time.Time) {
	switch c.m.State() {
	case tcp.StateListen, tcp.StateSynSent, tcp.StateSynReceived:
		return
	case tcp.StateClosed:
		c.failed = true
		if c.listener != nil {
			c.listener.failed(c)
		}
	default:
		if c.reopens {
			c.h.timeWait.remove(&c.key)
		}
		if c.listener != nil && !c.listener.established(c) {
			// It has lost its place, to another or by the listener's Close, and nobody
			// would ever accept it.
			c.m.Abort(now)
			c.again = true
		}
	}
	c.opened, c.listener = true, nil
	if c.connected != nil {
		c.h.wakeByClose(c.connected)
		c.connected = c.h.dialled // one for all: 96 bytes less for each that lives
	}
}

// detachLocked ends the connection's life on the wire. What has arrived can still
// be read.
func (c *TCPConn) detachLocked() {
	c.detached = true
	c.h.flows.remove(c)
	c.releasePortLocked()
	c.h.timers.remove(&c.timer)
	c.h.releaseTCPConn()
	c.h.memory.forget(c)
	if l := c.listener; l != nil && !c.opened {
		c.opened = true
		l.failed(c)
	}
	c.wakeReadersLocked()
	c.wakeWritersLocked()
	c.releaseWaitsLocked()
}

// recycle drops a half-open connection without a word: whoever sent its SYN may
// not be who the SYN says.
func (c *TCPConn) recycle() {
	c.mu.Lock()
	if !c.detached && !c.opened {
		c.m.Forget()
		c.detachLocked()
		if c.trace != nil {
			c.h.tracing.tellLocked(c)
		}
	}
	c.mu.Unlock()
}

// abort resets the connection, and makes verbs return ErrClosed if close is set.
func (c *TCPConn) abort(now time.Time, close bool) {
	c.mu.Lock()
	c.closed = c.closed || close
	c.m.Abort(now)
	c.settleLocked(now)
	c.wakeReadersLocked()
	c.wakeWritersLocked()
	c.mu.Unlock()
}

// unreachable tells the machine of an ICMP error or of a neighbour that does not
// answer, about the segment that began at seq, and says whether that is outstanding.
func (c *TCPConn) unreachable(now time.Time, seq tcp.Seq, err error, hard bool, mtu int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	// RFC 5927, 4.1: "These implementations check that the TCP sequence number contained
	// in the payload of the ICMP error message is within the range SND.UNA =< SEG.SEQ <
	// SND.NXT."
	if c.detached || !c.m.Outstanding(seq) {
		return false
	}
	if mtu > 0 {
		c.m.TooBig(now, seq, mssForMTU(mtu, c.key.localAddrPort().Addr()))
	} else {
		c.m.Unreachable(now, err, hard)
	}
	c.settleLocked(now)
	return true
}

// tcpUnreachable passes an ICMP error, or the failure of a neighbour, on to the
// connection that it is about. mtu is set when the packet was too big. It returns
// false if no segment of a connection is outstanding that it could be about.
func (h *Host) tcpUnreachable(key *flowKey, seq tcp.Seq, err error, hard bool, mtu int) bool {
	c := h.flows.lookup(key)
	return c != nil && c.unreachable(h.clock.Now(), seq, err, hard, mtu)
}
