package tcp

import (
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/usernet-go/usernet/internal/random"
)

// ChallengeLimiter bounds the challenge ACKs that a whole stack sends. It may
// be used by many goroutines; its lock is held for a few instructions.
//
// RFC 5961, 7: "An implementation SHOULD include an ACK throttling mechanism to
// be conservative."
type ChallengeLimiter struct {
	perSecond int

	mu     sync.Mutex
	random rand.PCG
	second int64 // the one that left counts for, since 1970
	left   int
}

// defaultChallenges is Linux's limit. That of the RFC, 10 in 5 seconds, lets an
// attacker starve the connections of a busy host of their challenges.
const defaultChallenges = 1000

// NewChallengeLimiter returns a limiter that allows about so many challenge
// ACKs in a second; 0 means 1000. Source, the operating system when nil, varies the
// limit from second to second between a half and one and a half of it:
// otherwise an attacker who can use up the limit on a connection of his own
// learns from what is left of it whether a guess on another one was right.
func NewChallengeLimiter(perSecond int, source io.Reader) *ChallengeLimiter {
	if perSecond <= 0 {
		perSecond = defaultChallenges
	}
	if source == nil {
		source = random.Reader
	}
	l := &ChallengeLimiter{perSecond: perSecond, second: math.MinInt64}
	var seed [16]byte
	// Without a seed the limit still holds, it only varies predictably.
	_, _ = io.ReadFull(source, seed[:])
	l.random.Seed(binary.LittleEndian.Uint64(seed[:]), binary.LittleEndian.Uint64(seed[8:]))
	return l
}

// Allow says whether a challenge ACK may be sent at now, and counts it.
func (l *ChallengeLimiter) Allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	// RFC 5961, 7: "no timer is needed to implement the above mechanism, instead
	// a timestamp and a counter can be used."
	// The clock may go back a little from call to call; much is another time.
	if s := now.Unix(); s > l.second || s < l.second-1 {
		l.second = s
		l.left = l.perSecond - l.perSecond/2 + int(l.random.Uint64()%uint64(l.perSecond))
	}
	if l.left == 0 {
		return false
	}
	l.left--
	return true
}
