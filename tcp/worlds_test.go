package tcp

import (
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	worldSeed = flag.Uint64("seed", 0, "TestWorlds: the only seed; with -v each segment is shown")
	worldSoak = flag.Duration("soak", 0, "TestWorlds: how long to go on with seeds that nobody has tried")
)

// briefly says that a part of a long test is enough: one goroutine has no races, and
// what machines of another kind do otherwise shows soon.
func briefly() bool { return raceEnabled || testing.Short() }

// someOf is how many of n seeds a test takes.
func someOf(n uint64) uint64 {
	if briefly() {
		return n / 5
	}
	return n
}

// tally counts what worlds have seen: a test by chance must say what chance has
// brought.
type tally map[string]int

func (t tally) add(o tally) {
	for what, n := range o {
		t[what] += n
	}
}

func (t tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&b, "%s: %d, ", what, t[what])
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// usual is what some of the worlds of a plain run must have seen.
var usual = []string{
	"TIME-WAIT reopened", "TIME-WAIT reused", "TIME-WAIT expired", "opened at once", "an end vanished", "an end came back",
	"a user aborted", "a user gave up", "a good end for both", "ended: <nil>", "ended: " + ErrReset.Error(), "ended: " + ErrRefused.Error(),
	"ended: " + ErrTimeout.Error(), "ended: " + ErrAborted.Error(), "ended: " + ErrHostUnreachable.Error(),
	ReasonPAWS.String(), ReasonOutOfWindow.String(), ReasonRSTInWindow.String(), ReasonSYNInConnection.String(),
	ReasonTextBeyondWindow.String(), ReasonTextDiscarded.String(), ReasonTextAfterClose.String(),
}

// TestWorlds runs worlds from many seeds: each byte arrives intact and in order,
// both ends come to an end and know why, nobody waits for ever, no bound is
// passed, nothing stays behind.
//
//	go test ./tcp -run TestWorlds -seed 17 -v               # one world
//	go test ./tcp -run TestWorlds -soak 10m -timeout 0 -v   # fresh seeds
func TestWorlds(t *testing.T) {
	var mu sync.Mutex
	total := make(tally)
	try := func(seed uint64) {
		w := newWorld(seed)
		if *worldSeed != 0 && testing.Verbose() {
			w.trace = t.Logf
		}
		err := w.run()
		mu.Lock()
		defer mu.Unlock()
		total.add(w.tally)
		total["worlds"]++
		total["virtual seconds"] += int(w.now.Sub(pairEpoch).Seconds())
		if err != nil {
			t.Errorf("go test ./tcp -run 'TestWorlds$' -seed %d -v\n%v", seed, err)
		}
	}
	switch {
	case *worldSeed != 0:
		try(*worldSeed)
	case *worldSoak > 0:
		soak(try, func() {
			mu.Lock()
			defer mu.Unlock()
			t.Log(total)
		})
	case briefly():
		for seed := range uint64(100) {
			try(seed + 1)
		}
	default:
		for seed := range uint64(800) {
			try(seed + 1)
		}
		for _, what := range usual {
			if total[what] == 0 {
				t.Errorf("no world has seen %q", what)
			}
		}
	}
	t.Log(total)
}

// soak tries fresh seeds on all processors until the time is over.
func soak(try func(seed uint64), report func()) {
	end := time.Now().Add(*worldSoak)
	var wg sync.WaitGroup
	for i := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for next := time.Now(); time.Now().Before(end); try(max(1, rand.Uint64())) {
				if i == 0 && time.Now().After(next) {
					next = next.Add(time.Minute)
					report()
				}
			}
		})
	}
	wg.Wait()
}

// TestWorldsRepeat: a seed is all that it takes to see a world again.
func TestWorldsRepeat(t *testing.T) {
	for seed := range someOf(30) {
		var sums [2]uint64
		for i := range sums {
			h := fnv.New64a()
			w := newWorld(seed + 1)
			w.trace = func(format string, args ...any) { fmt.Fprintf(h, format, args...) }
			if err := w.run(); err != nil {
				t.Fatal(err)
			}
			sums[i] = h.Sum64()
		}
		if sums[0] != sums[1] {
			t.Errorf("seed %d: two runs differ", seed+1)
		}
	}
}
