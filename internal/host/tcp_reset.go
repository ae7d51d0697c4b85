package host

import "time"

// resetPatience is for how long a reset is tried again that the link has no room
// for. The peer of a connection whose reset does not leave learns of its end only
// when it sends something.
const resetPatience = time.Second

// mayStillResetLocked says that the connection, which has ended, stays in the flow
// table because its reset did not leave yet.
func (c *TCPConn) mayStillResetLocked(now time.Time) bool {
	if !c.m.Resetting() {
		return false
	}
	at := c.h.timers.at(now)
	if c.resetBy == 0 {
		c.resetBy = at + int64(resetPatience)
	}
	if at < c.resetBy {
		return true
	}
	c.h.stats.drop(ReasonLinkFull)
	return false
}

// resetRetryLocked is when a reset is tried again: the longer it waits, the later, so
// that many that wait for a link which is stuck cost little.
func (c *TCPConn) resetRetryLocked(now, retry time.Time) time.Time {
	left := time.Duration(c.resetBy - c.h.timers.at(now))
	if later := now.Add(min((resetPatience-left)/resetWaits, left)); later.After(retry) {
		return later
	}
	return retry
}

// resetWaits is by what part of its age a reset waits for the next try: some sixty
// tries in all.
const resetWaits = 16

// closeAllTCP closes every listener and resets every connection.
func (h *Host) closeAllTCP() {
	h.listeners.closeAll()
	now := h.clock.Now()
	conns := h.flows.closeAll()
	for _, c := range conns {
		c.abort(now, true)
	}
	over := h.clock.Now().Add(maxOutputWait) // for all of them
	for _, c := range conns {
		c.awaitOutput(over.Sub(h.clock.Now()))
	}
	h.timeWait.closeAll()
	h.tcp.Chunks.Release() // who keeps a closed host need not keep its buffers
}

// awaitOutput waits until nobody is sending for c any more, and its reset has left
// or was given up, for both of which the links must be open. Send does not wait for
// anything, so this takes no time, unless the link is full, or it is called from
// within Send: then it gives up after d.
func (c *TCPConn) awaitOutput(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.outputting && c.detached {
		return
	}
	over := false
	t := c.h.clock.AfterFunc(max(d, 0), func() {
		c.mu.Lock()
		over = true
		c.wakeReadersLocked()
		c.mu.Unlock()
	})
	for !c.detached && !over {
		c.waitLocked((*tcpWaits).forReading)
	}
	t.Stop()
}

// maxOutputWait is how long Close waits for goroutines that are sending.
const maxOutputWait = time.Second
