package tcp

import "time"

// instant is a point in time: nanoseconds since Config.Epoch, from 1 on. Zero
// is none.
type instant int64

const (
	second      = instant(time.Second)
	millisecond = instant(time.Millisecond)
)

// at returns t as an instant. What lies before the epoch is taken for it, and
// what lies before the last instant for that one: callers read the clock before
// they have the connection's lock, and come to it in any order, but a timestamp
// that is older than the last would have the peer drop the segment (PAWS).
func (c *Conn) at(t time.Time) instant {
	c.latest = max(1, c.latest, instant(t.Sub(c.cfg.Epoch)))
	return c.latest
}

// add returns the instant d later.
func (i instant) add(d time.Duration) instant { return i + instant(d) }

// since returns the time from an earlier instant to i.
func (i instant) since(earlier instant) time.Duration { return time.Duration(i - earlier) }

// timer names what a connection waits for.
type timer uint8

const (
	timerProbe      timer = iota // an answer, before a tail loss probe: tailprobe.go; stands first: see there
	timerReorder                 // what may be late, before it is taken for lost: rack.go
	timerRetransmit              // an answer to what was sent, or to a zero window: retransmit.go
	timerGiveUp                  // R2 or the user timeout: giveup.go
	timerOverride                // silly-window avoidance and cork: sendtext.go
	timerPace                    // the next segment, at the pacing rate: pacing.go
	timerDelayedACK              // delayedack.go
	timerKeepAlive               // keepalive.go
	timerClose                   // the end of TIME-WAIT, or of FIN-WAIT-2 without a user: close.go
	numTimers
)

// timers holds when each is due, or zero.
type timers [numTimers]instant

func (t *timers) clearAll() { *t = timers{} }

// next returns the earliest, or zero.
func (t *timers) next() instant {
	first := instant(0)
	for _, i := range t {
		if i != 0 && (first == 0 || i < first) {
			first = i
		}
	}
	return first
}

// Deadline returns when Advance must be called at the latest; zero when nothing
// is waited for.
func (c *Conn) Deadline() time.Time {
	d := c.DeadlineSince()
	if d == 0 {
		return time.Time{}
	}
	return c.cfg.Epoch.Add(d)
}

// DeadlineSince returns Deadline as the time since Config.Epoch, or 0.
func (c *Conn) DeadlineSince() time.Duration { return time.Duration(c.timers.next()) }

// Advance lets time go on to now: what is due happens, and what it has to send
// is returned by Next.
func (c *Conn) Advance(t time.Time) {
	now := c.at(t)
	c.noteAppLimited()
	for i := range numTimers {
		if due := c.timers[i]; due == 0 || due > now {
			continue
		}
		c.timers[i] = 0
		c.traceFired(now, i)
		switch i {
		case timerProbe:
			c.tailProbeTimeout(now)
		case timerReorder:
			c.reorderTimeout(now)
		case timerRetransmit:
			c.countTimeout(now)
			c.retransmissionTimeout(now)
		case timerGiveUp:
			c.giveUp(now)
		case timerOverride:
			c.override = true
		case timerPace:
			if c.tx != nil {
				c.tx.pace.fired = now // Next looks at the clock
			}
		case timerDelayedACK:
			// The user has not answered.
			c.ackNow, c.pingpong = true, false
		case timerKeepAlive:
			c.keepAliveTimeout(now)
		case timerClose:
			c.closeTimeout()
		}
	}
}
