package tcp

import "time"

// How large the buffers are: as large as the connection needs, up to what Config
// allows, unless the user has set a size, and up to what the stack has memory for: see
// budget. Memory is held for what is in them only, so the windows that are offered may
// add up to more than there is; what arrives in them then and finds no memory is
// dropped, and the peer is told that the window is closed: see squeeze.

const (
	// firstBuffer is the size in bytes of both buffers until more is known: a window
	// for the first round trips of a sender in slow start, which begins with 14600 bytes
	// (RFC 6928).
	firstBuffer = 128 << 10
	// resizeIdle is the silence after which the receive buffer begins anew.
	resizeIdle = 10 * time.Second

	// shortRTT is a round trip in which the scheduler and the user's pauses are most of
	// what is measured, and shortBuffer what both buffers grow to at most on such a path:
	// 8 Gbit/s and more. Beyond the processor's cache the copies cost half again.
	shortRTT    = time.Millisecond
	shortBuffer = 1 << 20
)

// sendSize is how many bytes Write queues at most: as many as the connection needs, as
// far as the stack has memory for them.
func (c *Conn) sendSize() int { return min(c.neededSize(), max(promisedSend, c.cfg.Chunks.Share())) }

// neededSize is how many bytes are to be queued: twice the window, and a window
// beyond what is in the network, which may be more while lost segments are repaired.
// So there is something to send whenever the window lets it go, and little that waits
// for longer than a round trip.
func (c *Conn) neededSize() int {
	if c.sendBuffer != 0 {
		return int(c.sendBuffer)
	}
	limit, window := c.cfg.SendBuffer, min(c.window.Bytes, int(c.snd.maxWnd))
	if c.onShortPath() {
		limit = min(limit, shortBuffer)
	}
	if window >= limit/2 {
		return limit
	}
	size := max(firstBuffer, 2*window)
	if !c.probed { // a probe of a closed window makes no room
		size = max(size, window+c.snd.nxt.Sub(c.snd.una))
	}
	return min(limit, size)
}

// onShortPath says that the path has a short round trip. The least of late tells: many
// connections that share a device fill its queue with what their buffers let them, and
// each then sees a longer round trip, which would let the buffers grow.
func (c *Conn) onShortPath() bool {
	least := c.rtt.least.get()
	if least == 0 { // nothing but what was sent again was acknowledged
		least = c.rtt.srtt
	}
	return least <= shortRTT
}

// rightSizing measures how much the user reads in a round trip, so that the
// receive window does not keep a sender back which he could keep up with: dynamic
// right-sizing (W. Feng, M. Fisk, M. Gardner, E. Weigle, 2002). It is made when a
// connection has received more than a little.
type rightSizing struct {
	rtt    time.Duration // round trip, as the receiver sees it; 0: not known
	least  time.Duration // least sample of it since began; 0: none
	began  instant       // of the measurement
	turned instant       // when the window began that ends at turn
	from   Seq           // of the first byte to read when it began
	turn   Seq           // an edge of the window; without timestamps
	read   int32         // most that was read in a round trip, in bytes
}

// startReceiveBuffer makes the receive buffer as large as at first.
func (c *Conn) startReceiveBuffer() {
	c.receiveBuffer, c.sizing = int32(min(firstBuffer, c.cfg.ReceiveBuffer)), nil
}

// tuneReceiveBuffer lets the receive buffer grow after the user has read. The peer
// is told by the next ACK.
func (c *Conn) tuneReceiveBuffer(now instant) {
	limit := c.cfg.ReceiveBuffer
	if c.receiveFixed || int(c.receiveBuffer) >= limit {
		c.sizing = nil
		return
	}
	z := c.sizing
	if z == nil {
		if uint32(c.in.first-c.rcv.irs) >= firstBuffer/4 {
			c.sizing = &rightSizing{rtt: c.rtt.srtt, began: now, from: c.in.first, read: int32(c.initialWindow())}
		}
		return
	}
	if z.rtt == 0 && z.least == 0 || now.since(z.began) < z.rtt {
		return
	}
	// A reader who lags behind needs no larger window: he is what the sender waits for.
	read, most := c.in.first.Sub(z.from), int(z.read)
	if read > most && c.in.len() <= int(c.receiveBuffer)/2 {
		// Twice what was read, since a sender in slow start sends twice as much in the
		// next round trip, and something for segments that are not full. If more was read
		// than ever before, that much more again in the next round trips: they have begun
		// when this one is measured. A sender does not more than double.
		n := 2*int64(read) + 16*int64(c.rcvMSS)
		n += 2 * n * int64(min(read-most, most)) / int64(most)
		if z.rtt <= shortRTT || z.least != 0 && z.least <= shortRTT || c.onShortPath() {
			limit = min(limit, shortBuffer)
		}
		c.receiveBuffer = max(c.receiveBuffer, int32(min(n, int64(limit))))
		z.read = int32(read)
	}
	switch {
	case z.rtt == 0:
		z.rtt = z.least
	case z.least != 0:
		// A sender whose user is slow makes a round trip look longer than it is.
		z.rtt = min(z.least, z.rtt+z.rtt/2)
	}
	z.least, z.began, z.from = 0, now, c.in.first
}

// measureReceived takes a sample of the round trip, as far as a receiver sees it:
// from an ACK to the text that it has brought about.
func (c *Conn) measureReceived(now instant, seg *Segment) {
	z := c.sizing
	if z == nil {
		return
	}
	if c.snd.tsOK {
		// The sender may have waited with this segment for other reasons than the ACK:
		// the least of a round trip's samples is taken.
		if r, ok := c.echoed(now, seg); ok && c.sizeOf(seg) >= int(c.rcvMSS) {
			if r < time.Millisecond && c.rtt.srtt > 0 {
				r = min(c.rtt.srtt, time.Millisecond) // less than the timestamps tell
			}
			z.sample(r)
		}
		return
	}
	// Without timestamps, a whole window takes a round trip at least. It takes longer
	// when the window is larger than the sender's, so nothing but a shorter time counts.
	if z.turned == 0 || z.turn.LessEq(c.rcv.nxt) {
		if r := now.since(z.turned); z.turned != 0 && (z.rtt == 0 || r < z.rtt) {
			z.sample(r)
		}
		z.turned, z.turn = now, c.rcv.edge
	}
}

func (z *rightSizing) sample(r time.Duration) {
	if z.least == 0 || r < z.least {
		z.least = max(r, 1)
	}
}

// receivePaused is called when text arrives after a pause. What was sent in it does
// not belong to one round trip. After a long one the buffer begins anew, since a
// sender does: what was offered before stays offered, so that one who does not is not
// kept back until he has been measured.
func (c *Conn) receivePaused(now instant, pause time.Duration) {
	if z := c.sizing; z != nil {
		z.least, z.began, z.from, z.turned = 0, now, c.in.first, 0
	}
	if pause >= resizeIdle && !c.receiveFixed {
		c.startReceiveBuffer()
	}
}
