package tcp

import "time"

// restAfter is how long no text has moved when a connection rests.
const restAfter = 10 * second

// Resting says that no text has moved for some seconds, and none waits to be sent, to be
// acknowledged or to be read: what only a connection needs that is busy can be given back.
func (c *Conn) Resting(t time.Time) bool {
	return c.state.synchronized() && !c.outstanding() && c.out.len() == 0 && c.in.len() == 0 &&
		c.at(t).since(max(c.textSent, c.textTaken)) > time.Duration(restAfter)
}
