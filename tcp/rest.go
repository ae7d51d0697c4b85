package tcp

import "time"

// restAfter is how long no text has moved when a connection rests.
const restAfter = 10 * second

// GiveBack gives back what only a busy connection needs, and says whether this one
// rests: no text has moved for some seconds, and none waits to be sent, to be acknowledged
// or to be read. It is for occasions such as keepalive's timer; what was given back is
// made again with the next text.
func (c *Conn) GiveBack(t time.Time) bool {
	if !c.state.synchronized() || c.outstanding() || c.out.len() > 0 || c.in.len() > 0 ||
		c.at(t).since(max(c.textSent, c.textTaken)) <= time.Duration(restAfter) {
		return false
	}
	if c.tx != nil && c.tx.board.len() == 0 {
		c.tx.board.clear()
		c.tx.board.buf = nil // four records, 224 bytes, of which the pool would keep too many
	}
	c.sizing = nil
	return true
}
