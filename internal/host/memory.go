package host

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// What is held counts in one budget: tcp.Chunks has it, and says how it is shared out.
// In it are TCP's queues and records, connections with what each is promised, records in
// TIME-WAIT, UDP sockets and their queues, and reassembly. What else a host keeps has
// bounds of its own, packets that wait for a neighbour (maxQueuedBytesAll for each
// interface) and pings among it: see doc.go.

const (
	// tcpConnCost is what a connection counts for as long as it is in the flow table: the
	// struct, entries of tables, and what package tcp needs for it.
	tcpConnCost = 1024 + 128 + tcp.ConnectionCost
	// udpConnCost is what a UDP socket counts for, with the datagrams that it may always hold.
	udpConnCost = 1024 + promisedUDP
	promisedUDP = 2<<10 + udpBufferCost
	// timeWaitCost is what a record in TIME-WAIT counts for, with its place in the index.
	timeWaitCost = 192

	// minHalfOpen is how many half-open connections are kept, whatever part of the memory
	// they have.
	minHalfOpen = 16

	// memoryStep is in what steps of bytes holders take memory.
	memoryStep = 16 << 10

	// defaultMemory is Config.MemoryLimit, if that many connections need no more.
	defaultMemory = 1 << 30
)

// memory is the host's budget, and those who wait for it.
type memory struct {
	*tcp.Chunks
	timer timer // wakes those who starve

	mu       sync.Mutex        // a leaf
	starving map[*TCPConn]bool // writers of these wait for memory, or peers
}

func (m *memory) init(h *Host) {
	m.starving = make(map[*TCPConn]bool)
	m.timer.owner = timerFunc(func(time.Time) { m.wake(h) })
	m.SetLimit(h.config.MemoryLimit, func() { h.timers.set(&m.timer, h.clock.Now()) })
}

// starve notes that a writer of c waits for memory, or its peer. c.mu is held.
func (m *memory) starve(c *TCPConn) {
	c.starving = true
	m.mu.Lock()
	m.starving[c] = true
	m.mu.Unlock()
	m.Starving()
}

// forget takes back what starve has noted. c.mu is held.
func (m *memory) forget(c *TCPConn) {
	if c.starving {
		c.starving = false
		m.mu.Lock()
		delete(m.starving, c)
		m.mu.Unlock()
	}
}

// wake lets all who starve look again.
func (m *memory) wake(h *Host) {
	m.mu.Lock()
	all := slices.Collect(maps.Keys(m.starving))
	clear(m.starving)
	m.mu.Unlock()
	for _, c := range sortConns(all) {
		c.mu.Lock()
		c.starving = false
		c.wakeWritersLocked()
		if c.m.Refused() {
			c.m.MemoryFreed()
			c.settleLocked(h.clock.Now())
		}
		c.mu.Unlock()
	}
}

// A holding is what one holder has taken of the memory: in steps, so that the budget's
// lock is not taken for each packet. Its holder's lock guards it.
type holding struct{ taken int }

// cover takes or gives back memory, so that need bytes are taken; false if the holder
// may not have them.
func (o *holding) cover(m *memory, need int) bool {
	steps := (need + memoryStep - 1) / memoryStep * memoryStep
	switch {
	case need == 0 && o.taken > 0, steps+2*memoryStep <= o.taken:
		m.Give(o.taken - steps)
		o.taken = steps
	case need > o.taken:
		if m.Take(steps-o.taken, o.taken) {
			o.taken = steps
		} else if m.Take(need-o.taken, o.taken) {
			o.taken = need
		} else {
			return false
		}
	}
	return true
}

// reserveTCPConn counts a new connection, and returns why there can be none.
func (h *Host) reserveTCPConn() Reason {
	if h.tcpConns.Add(1) > int64(h.config.MaxConnections) {
		h.tcpConns.Add(-1)
		return ReasonTCPConnections
	}
	if !h.memory.TakePromised(tcpConnCost) {
		h.tcpConns.Add(-1)
		return ReasonTCPMemory
	}
	return ReasonNone
}

// releaseTCPConn takes back what reserveTCPConn has counted.
func (h *Host) releaseTCPConn() {
	h.tcpConns.Add(-1)
	h.memory.GivePromised(tcpConnCost)
}

// halfOpenFull says that half-open connections have as much memory as one holder may: a
// flood of SYNs has no more. Those that are open and not accepted are bounded by backlogs.
func (h *Host) halfOpenFull() bool {
	n := int(h.halfOpen.Load()) + 1
	return n > minHalfOpen && n > h.memory.Share()/tcpConnCost
}
