package tcp

import "time"

type Chunks struct{}

type Conn struct{}

type Info struct {
	State                  State
	SndUna, SndNxt, RcvNxt Seq
	SndWnd, RcvWnd         int // bytes
	MSS                    int
	Cwnd, Ssthresh         int // bytes
	SRTT, RTTVar, RTO      time.Duration
	Retransmits            int
	NegativeAdvice         bool // R1 reached
}

func (c *Conn) Init(cfg *Config, p Params)                       {}
func (c *Conn) OpenActive(now time.Time)                         {}
func (c *Conn) OpenPassive()                                     {}
func (c *Conn) Receive(now time.Time, seg *Segment) Reason       { return 0 }
func (c *Conn) Next(now time.Time, out *Segment) bool            { return false }
func (c *Conn) Unsent(now time.Time, out *Segment)               {}
func (c *Conn) Returned()                                        {}
func (c *Conn) Deadline() time.Time                              { return time.Time{} }
func (c *Conn) Advance(now time.Time)                            {}
func (c *Conn) Read(now time.Time, b []byte) (int, error)        { return 0, nil }
func (c *Conn) Write(now time.Time, b []byte) (int, error)       { return 0, nil }
func (c *Conn) WriteUrgent(now time.Time, b []byte) (int, error) { return 0, nil }
func (c *Conn) CloseWrite(now time.Time) error                   { return nil }
func (c *Conn) CloseRead(now time.Time) error                    { return nil }
func (c *Conn) Close(now time.Time) error                        { return nil }
func (c *Conn) Abort(now time.Time)                              {}
func (c *Conn) Readable() bool                                   { return false }
func (c *Conn) Writable() bool                                   { return false }
func (c *Conn) State() State                                     { return 0 }
func (c *Conn) Err() error                                       { return nil }
func (c *Conn) SetNoDelay(now time.Time, on bool)                {}
func (c *Conn) SetCork(now time.Time, on bool)                   {}
func (c *Conn) SetKeepAlive(now time.Time, k KeepAlive)          {}
func (c *Conn) SetUserTimeout(now time.Time, d time.Duration)    {}
func (c *Conn) SetMSS(now time.Time, mss int)                    {}
func (c *Conn) Unreachable(now time.Time, err error, hard bool)  {}
func (c *Conn) Outstanding(seq Seq) bool                         { return false } // may an ICMP error quote it: SND.UNA =< seq < SND.NXT
func (c *Conn) SoftError() error                                 { return nil }   // the last one
func (c *Conn) TimeWait() TimeWait                               { return TimeWait{} }
func (c *Conn) Urgent() int                                      { return 0 }     // bytes up to the urgent pointer that Read has not returned
func (c *Conn) UrgentSignal() bool                               { return false } // an urgent pointer arrived or advanced since the last call
func (c *Conn) Info() Info                                       { return Info{} }
