package host

import (
	"sync"
	"sync/atomic"

	"github.com/usernet-go/usernet/internal/yield"
	"github.com/usernet-go/usernet/tcp"
)

// tcpHost is the part of a Host that TCP's files look after.
type tcpHost struct {
	tcp        tcp.Config // what the connections share, with its defaults
	isn        *tcp.ISN
	flows      flowTable
	timeWait   timeWaitTable
	listeners  tcpListeners
	resets     rateLimit   // of RSTs for segments of no connection
	tcpOutputs sync.Pool   // of *tcpOutput
	tcpWaits   sync.Pool   // of *tcpWaits in which nobody waits
	yields     yield.Yield // of those who write: see yieldAfter
	tracing    tracing
	tcpConns   atomic.Int64
	halfOpen   atomic.Int64  // connections of listeners whose handshake is not over
	dialled    chan struct{} // closed: what Connected returns of connections whose dial is over
}

func (h *Host) initTCP() (err error) {
	config := h.config.TCP
	config.Epoch = h.epoch
	if config.ChallengeACKs == nil {
		config.ChallengeACKs = tcp.NewChallengeLimiter(0, lockedRand{h})
	}
	h.tcp = config.WithDefaults()
	h.memory.Chunks = h.tcp.Chunks
	h.memory.init(h)
	if h.isn, err = tcp.NewISN(lockedRand{h}); err != nil {
		return err
	}
	h.flows.init()
	h.timeWait.init(h)
	h.tracing.init()
	var seed [32]byte
	if err := h.random(seed[:]); err != nil {
		return err
	}
	h.resets.init(h.config.ICMPErrorRate, seed)
	h.tcpOutputs.New = newTCPOutput
	h.tcpWaits.New = func() any { return new(tcpWaits) }
	h.dialled = make(chan struct{})
	close(h.dialled)
	return nil
}

// lockedRand is the host's Config.Rand as an io.Reader that many may use.
type lockedRand struct{ h *Host }

func (r lockedRand) Read(b []byte) (int, error) {
	if err := r.h.random(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// tcpCounters are added to once a batch, or seldom.
type tcpCounters struct {
	segmentsIn, segmentsOut atomic.Uint64
	resetsLimited           atomic.Uint64
	timeWaitEvicted         atomic.Uint64
}

// TCPStats are the counters of TCP, and how much there is now.
type TCPStats struct {
	SegmentsIn, SegmentsOut uint64 // a super-segment counts as the segments that it stands for
	ResetsLimited           uint64 // segments of no connection that were not answered: too many
	TimeWaitEvicted         uint64 // records in TIME-WAIT that made room for newer ones
	Connections             int    // now, half-open ones included, without TIME-WAIT
	TimeWait                int    // now
}

func (h *Host) tcpStats() TCPStats {
	c := &h.stats.tcp
	return TCPStats{
		SegmentsIn: c.segmentsIn.Load(), SegmentsOut: c.segmentsOut.Load(),
		ResetsLimited:   c.resetsLimited.Load(),
		TimeWaitEvicted: c.timeWaitEvicted.Load(),
		Connections:     int(h.tcpConns.Load()),
		TimeWait:        h.timeWait.len(),
	}
}
