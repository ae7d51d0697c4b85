package tcp

import "time"

// Config is what the connections of a stack have in common. It is read-only
// from the first [Conn.Init] on, and must have passed through WithDefaults:
// zero fields then have the values that are written beside them.
type Config struct {
	// Epoch is the instant from which the machine counts time. All instants
	// handed to it lie at or after it. If it carries a monotonic clock reading
	// and the others do, wall-clock steps do not matter. Default: 1970.
	Epoch time.Time

	// SendBuffer and ReceiveBuffer bound the sizes of a connection's buffers in bytes,
	// which it finds itself: what Write queues is twice the congestion window, what
	// waits for Read, and so the window, twice what the user reads in a round trip.
	// Both begin with 128 KiB, and stay within 1 MiB where a round trip takes less than a
	// millisecond. 16 MiB each.
	SendBuffer, ReceiveBuffer int

	InitialRTO time.Duration // until a round trip is measured; 1 s (RFC 6298, 2.1)
	MinRTO     time.Duration // 200 ms, as Linux; RFC 6298, 2.4 has 1 s
	MaxRTO     time.Duration // 120 s (RFC 6298, 2.5: "at least 60 seconds")
	DelayedACK time.Duration // longest wait of an ACK; 40 ms, below 500 ms (MUST-40)
	QuickACKs  int           // ACKs at a connection's start that do not wait; 16, negative: none
	Override   time.Duration // of silly-window avoidance and cork; 200 ms (RFC 9293, 3.8.6.2.1: "0.1 - 1.0 seconds")

	R1          int           // retransmissions until negative advice is given, and a black hole is suspected (RFC 4821, 7.7); 3 (SHLD-10)
	R2          time.Duration // until a connection without any answer ends; 15 min (SHLD-11: at least 100 s)
	SynR2       time.Duration // the same for SYN; 3 min (MUST-23: at least that)
	UserTimeout time.Duration // takes the place of R2 and SynR2; none
	KeepAlive   KeepAlive     // off (MUST-25)

	TimeWait time.Duration // 2 MSL: how long TIME-WAIT lasts; 60 s, as Linux
	FinWait2 time.Duration // how long FIN-WAIT-2 lasts after Close; 60 s, as Linux

	InitialWindow int  // segments; 10 (RFC 6928)
	NoTimestamps  bool // do not offer or accept timestamps (RFC 7323)
	NoWindowScale bool // do not offer or accept window scaling (RFC 7323)
	NoSACK        bool // do not offer or accept selective acknowledgments (RFC 2018)
	NoECN         bool // do not offer or accept explicit congestion notification (RFC 9768, RFC 3168)

	Congestion    *Algorithm        // congestion control; that of DefaultCongestionControl
	Chunks        *Chunks           // memory of the queues; an own one
	ChallengeACKs *ChallengeLimiter // an own one; stacks share one (RFC 5961, 7)
}

// KeepAlive is how an idle connection is probed (RFC 9293, 3.8.4). The interval
// has no default here: who wants probes says how long to wait for them.
type KeepAlive struct {
	Idle     time.Duration // silence before the first probe; 0: no probes. Go's net and Linux default to less than the RFC's 2 h
	Interval time.Duration // between probes; 75 s
	Count    int           // unanswered probes that end the connection; 9, 255 at most
	Off      bool          // no probes, whatever Idle says: they may be switched on again
}

// on says that there are probes.
func (k *KeepAlive) on() bool { return k.Idle > 0 && !k.Off }

// withDefaults fills what is not set in k, when keepalives are on.
func (k KeepAlive) withDefaults() KeepAlive {
	if k.Idle > 0 {
		setDefault(&k.Interval, 75*time.Second)
		setDefault(&k.Count, 9)
	}
	return k
}

// Bounds of Config: what lies outside is moved to them.
const (
	minBuffer = 2048
	maxBuffer = 1 << 30 // RFC 7323, 2.3: "max window < 2^30"
)

// WithDefaults returns c with its zero fields set, and values that no
// connection could work with moved to the nearest that it can.
func (c Config) WithDefaults() Config {
	if c.Epoch.IsZero() {
		c.Epoch = time.Unix(0, 0)
	}
	setDefault(&c.SendBuffer, 16<<20)
	setDefault(&c.ReceiveBuffer, 16<<20)
	c.SendBuffer = min(max(c.SendBuffer, minBuffer), maxBuffer)
	c.ReceiveBuffer = min(max(c.ReceiveBuffer, minBuffer), maxBuffer)
	setDefault(&c.InitialRTO, time.Second)
	setDefault(&c.MinRTO, 200*time.Millisecond)
	setDefault(&c.MaxRTO, 120*time.Second)
	c.MaxRTO = max(c.MaxRTO, c.MinRTO)
	setDefault(&c.DelayedACK, 40*time.Millisecond)
	c.DelayedACK = min(c.DelayedACK, 499*time.Millisecond)
	setDefault(&c.QuickACKs, 16)
	setDefault(&c.Override, 200*time.Millisecond)
	setDefault(&c.R1, 3)
	setDefault(&c.R2, 15*time.Minute)
	setDefault(&c.SynR2, 3*time.Minute)
	c.KeepAlive = c.KeepAlive.withDefaults()
	setDefault(&c.TimeWait, 60*time.Second)
	setDefault(&c.FinWait2, 60*time.Second)
	setDefault(&c.InitialWindow, 10)
	if c.Congestion == nil {
		c.Congestion = builtin(DefaultCongestionControl)
	}
	if c.Chunks == nil {
		c.Chunks = new(Chunks)
	}
	if c.ChallengeACKs == nil {
		c.ChallengeACKs = NewChallengeLimiter(0, nil)
	}
	return c
}

func setDefault[T int | time.Duration](p *T, v T) {
	if *p == 0 {
		*p = v
	}
}

// Params are what one connection has of its own.
type Params struct {
	ISS      Seq    // initial send sequence number; see [ISN]
	TSOffset uint32 // added to the timestamp clock; see [ISN]
	// MSS is the largest text in bytes of a segment without options that our MTU
	// allows: advertised to the peer, and a bound on what is sent.
	MSS int
	// DefaultMSS is taken for the peer's when it sends no MSS option: 536 for
	// IPv4, which is the default here, 1220 for IPv6.
	DefaultMSS int
	// MaxSegment is the text in bytes that Next puts into one super-segment at
	// most; below MSS there are none.
	MaxSegment int
	Trace      *Trace     // where what the connection does is kept; nil: it is not
	Congestion *Algorithm // congestion control; nil: Config's
}
