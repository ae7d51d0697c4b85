package sim_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"hash"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	worldSoak = flag.Duration("soak", 0, "for how long TestWorlds makes worlds of fresh seeds")
	worldSeed = flag.Uint64("seed", 0, "the one world that TestWorlds makes, twice")
)

const (
	fixedWorlds  = 120 // seeds 1 to fixedWorlds, without a flag
	racedWorlds  = 12  // likewise, where all takes ten times as long
	twiceEvery   = 8   // every so many worlds one is made twice, and must repeat
	soakFailures = 10  // end a soak
)

// Random worlds: networks, paths, clocks, windows and applications follow from a seed.
// Every byte arrives intact and in order, both ends of each connection learn what
// happened, nobody waits for ever, every bound holds, and nothing is left behind.
func TestWorlds(t *testing.T) {
	switch {
	case *worldSeed != 0:
		testWorld(t, *worldSeed, true)
	case *worldSoak > 0:
		soakWorlds(t, *worldSoak)
	default:
		worlds := uint64(fixedWorlds)
		if raceEnabled {
			worlds = racedWorlds
		}
		for seed := uint64(1); seed <= worlds; seed++ {
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				testWorld(t, seed, seed%twiceEvery == 0)
			})
		}
	}
}

// soakWorlds makes worlds for a while, as many at once as there are processors.
func soakWorlds(t *testing.T, d time.Duration) {
	end := time.Now().Add(d)
	var worlds, failures atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for time.Now().Before(end) && failures.Load() < soakFailures {
				seed := rand.Uint64N(1e12) + fixedWorlds + 1
				twice := worlds.Add(1)%twiceEvery == 0
				if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { testWorld(t, seed, twice) }) {
					failures.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d worlds, %d failures", worlds.Load(), failures.Load())
}

// testWorld makes the world of a seed, and if it is made twice compares the traces.
func testWorld(t *testing.T, seed uint64, twice bool) {
	defer func() {
		if t.Failed() {
			t.Logf("to repeat: go test ./sim -run TestWorlds -seed %d", seed)
		}
	}()
	if !twice {
		runWorld(t, seed, nil)
		return
	}
	var first, second traceHash
	first.Hash, second.Hash = sha256.New(), sha256.New()
	runWorld(t, seed, &first)
	if !t.Failed() {
		runWorld(t, seed, &second)
	}
	if !t.Failed() && !bytes.Equal(first.Sum(nil), second.Sum(nil)) {
		t.Errorf("world %d does not repeat: %d and %d packets were traced", seed, first.lines, second.lines)
	}
}

// A traceHash stands for a trace.
type traceHash struct {
	hash.Hash
	lines int
}

func (h *traceHash) Write(b []byte) (int, error) {
	h.lines++
	return h.Hash.Write(b)
}

// runWorld makes the world of a seed in a bubble of its own.
func runWorld(t *testing.T, seed uint64, trace *traceHash) {
	synctest.Test(t, func(t *testing.T) {
		w := newRandomWorld(t, seed)
		if trace != nil {
			w.sim.Trace(trace)
		}
		w.run()
		if t.Failed() {
			w.describe()
		}
	})
}
