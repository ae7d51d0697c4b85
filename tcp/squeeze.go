package tcp

// squeeze says how the window is while the stack has less memory than was offered.
// Text in order that finds none is refused, and the ACK of it tells a window of zero:
// the peer then probes, and neither takes what it has sent in vain for lost in
// congestion nor gives up (RFC 9293, 3.8.6.1: MUST-37). From then on the peer is told what
// there is memory for, until that is as much as was offered. The edge is remembered:
// what lies before it is taken whenever there is memory.
//
// RFC 9293, 3.8.6: "A TCP receiver SHOULD NOT shrink the window, i.e., move the right
// window edge to the left (SHLD-14)." To leave it open would have the peer repeat
// what is refused until it gives up.
type squeeze uint8

const (
	windowFree     squeeze = iota
	windowSqueezed         // the peer is told less than it was offered before
	windowShut             // text was refused, and the peer has been told of no room since
)

// squeezed says that a window is told in a buffer of that size which ends before the
// edge, and notes whether there is any.
func (c *Conn) squeezed(size int) bool {
	if c.rcv.squeeze == windowFree {
		return false
	}
	switch n := c.squeezedWindow(size); {
	case n == 0:
		c.rcv.squeeze = windowShut
	case n < c.rcvWindow():
		c.rcv.squeeze = windowSqueezed
	default:
		c.rcv.squeeze = windowFree
	}
	return c.rcv.squeeze != windowFree
}

// squeezedWindow is the text in order for which there is memory, or 0 if that is too
// little to be worth a segment. An empty queue has what each connection is promised.
func (c *Conn) squeezedWindow(size int) int {
	n := c.offer(size)
	if c.in.len() > 0 {
		n = min(n, c.cfg.Chunks.Share()-c.in.len()-(tinyChunk+chunkCost))
	}
	// Two segments, since the peer may wait with one, or half of a small buffer.
	n = n >> c.rcv.shift << c.rcv.shift
	if n < min(size/2-size>>5, 2*c.window.MSS) {
		return 0
	}
	return max(n, 0)
}

// Refused says that text was refused for want of memory, and that the peer waits for a
// window. MemoryFreed is to be called when there is more.
func (c *Conn) Refused() bool { return c.rcv.squeeze == windowShut && c.state.receivesText() }

// MemoryFreed looks whether there is memory for a window again. Next then has what
// tells the peer.
func (c *Conn) MemoryFreed() { c.updateWindow() }
