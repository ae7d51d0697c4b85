package tcp

import "time"

// TimeWait is what is left of a connection in TIME-WAIT.
type TimeWait struct {
	cfg *Config
}

// TimeWaitAction says what a segment for a connection in TIME-WAIT asks for.
type TimeWaitAction uint8

const (
	TimeWaitIgnore  TimeWaitAction = iota // nothing
	TimeWaitReply                         // send the segment that was filled in
	TimeWaitRestart                       // send it, and Deadline has moved
	TimeWaitReopen                        // the segment is a SYN that may open the connection anew: hand it to a listener, with [TimeWait.ISS]
)

func (tw *TimeWait) Receive(now time.Time, seg *Segment, out *Segment) TimeWaitAction { return 0 }
func (tw *TimeWait) Deadline() time.Time                                              { return time.Time{} }
func (tw *TimeWait) CanReuse(now time.Time) bool                                      { return false }
func (tw *TimeWait) ISS(candidate Seq) Seq                                            { return candidate }
