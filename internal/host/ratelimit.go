package host

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// A tokenBucket says yes at most burst times at once and rate times a second.
type tokenBucket struct {
	rate   float64 // tokens a second
	burst  float64
	tokens float64   // may be owed
	last   time.Time // when tokens was right; zero before the first call
}

func (b *tokenBucket) init(rate, burst float64) {
	b.rate, b.burst, b.tokens = rate, burst, burst
}

// fill adds the tokens of the time that has passed, and says whether there is one.
func (b *tokenBucket) fill(now time.Time) bool {
	// Instants come from several batches and may be out of order.
	if b.last.IsZero() {
		b.last = now
	} else if d := now.Sub(b.last); d > 0 {
		b.tokens = min(b.burst, b.tokens+d.Seconds()*b.rate)
		b.last = now
	}
	return b.tokens >= 1
}

// allow takes a token if there is one.
func (b *tokenBucket) allow(now time.Time) bool {
	if !b.fill(now) {
		return false
	}
	b.tokens--
	return true
}

const (
	// rateBurst is how many answers may go at once, on average: see rateLimit.
	rateBurst = 50
	// rateShare: no destination gets more than one in rateShare of the answers that
	// may go in a second.
	rateShare = 4
	// rateBuckets is how many destinations are told apart. Those that meet in a bucket
	// share its rate; who has not the key cannot choose whom to meet.
	rateBuckets = 512
)

// A rateLimit bounds how many answers of a kind a host sends: in all, so that it is
// no amplifier of a flood, and to each destination, so that a flood from one does not
// keep others from their answers. Its mutex is a leaf in the lock order.
//
// An answer costs none, one or two tokens, by chance. With a fixed cost who forges
// packets of another host could tell, by counting how many answers are left for
// itself, which of the forged ones were answered, and so find the ports that others
// use (CVE-2020-25705).
type rateLimit struct {
	mu     sync.Mutex
	random *rand.ChaCha8
	key    [2]uint64
	all    tokenBucket
	each   []tokenBucket // by destination; made when the first answer is asked for
}

// init lets rate answers pass a second; seed is what chance comes from.
func (l *rateLimit) init(rate int, seed [32]byte) {
	l.random = rand.NewChaCha8(seed)
	l.key = [2]uint64{l.random.Uint64(), l.random.Uint64() | 1}
	l.all.init(float64(rate), rateBurst)
}

// allow says whether an answer may go to dst now.
func (l *rateLimit) allow(now time.Time, dst netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.each == nil {
		l.each = make([]tokenBucket, rateBuckets)
		for i := range l.each {
			l.each[i].init(l.all.rate/rateShare, rateBurst)
		}
	}
	own := &l.each[l.bucket(dst)]
	// The destination's own limit comes first: what it has had too much of is not taken
	// from others.
	if !own.fill(now) || !l.all.fill(now) {
		return false
	}
	cost := float64(l.random.Uint64() % 3)
	own.tokens -= cost
	l.all.tokens -= cost
	return true
}

// bucket returns the index of dst's bucket. All of an IPv6 network that one host may
// have to itself, a /64, is one destination.
func (l *rateLimit) bucket(dst netip.Addr) int {
	a := dst.As16()
	n := binary.BigEndian.Uint64(a[:])
	if dst.Is4() {
		n = uint64(binary.BigEndian.Uint32(a[12:])) | 1<<32
	}
	hi, lo := bits.Mul64(n^l.key[0], l.key[1])
	return int((hi ^ lo) % rateBuckets)
}
