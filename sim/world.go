package sim

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
)

// Config configures a World. The zero value is ready for use.
type Config struct {
	// Seed decides all that happens by chance. 0 means the number in the environment
	// variable USERNET_SIM_SEED, and without that another one in each run.
	Seed uint64
	// Stack is what each host's stack is made with; Rand and Clock are the world's to
	// set. Of its Resolver, Hosts comes before the names of the world's hosts, all else
	// after them.
	Stack usernet.Config
	// T is the test, if there is one: a *testing.T. When the test is over, it closes the
	// world. If the test has failed by then, or when the program calls Close, it logs how
	// to repeat it, the last packets of each path, and the connections.
	T TB
}

// TB is what a World needs of a *testing.T, *testing.B or *testing.F.
type TB interface {
	Name() string
	Failed() bool
	Log(args ...any)
	Cleanup(f func())
	Helper()
}

// seedVariable is what a failed test of a random seed is repeated with.
const seedVariable = "USERNET_SIM_SEED"

// A World is a network in memory. Its methods may be called concurrently, but not
// by a Path's Drop or a trace's writer.
type World struct {
	config Config
	seed   uint64
	drawn  bool // the seed is not the program's
	engine *engine

	cutters sync.Pool // of *link.Cutter

	mu       sync.Mutex // guards what follows, up to closeErr; taken before the engine's
	ids      uint32     // of hosts and ways, so far
	hosts    []*Host
	byName   map[string]Node
	networks int // joined by one cable, so far
	lans     int // made of switches, so far
	cables   []*Cable
	closed   bool
	over     bool      // Close is done
	ending   sync.Cond // until over; on mu
	closeErr error

	reported atomic.Bool // that the test has failed

	watchers watchers
}

// New makes a world without nodes. It panics, with the reason, when config makes no
// sense.
//
// In a testing/synctest bubble the world belongs to it, and its time is the
// bubble's; Close, which Config.T sees to, ends its goroutines. To use a world inside
// of a bubble that was made outside, or the other way round, is a panic.
func New(config Config) *World {
	w := &World{config: config, byName: make(map[string]Node)}
	w.ending.L = &w.mu
	w.cutters.New = func() any { return new(link.Cutter) }
	w.seed, w.drawn = seedOf(config.Seed)
	if wrong := check(&config.Stack); wrong != "" {
		panic("sim: Config.Stack: " + wrong)
	}
	s, err := usernet.New(config.Stack)
	if err != nil {
		panic(fmt.Sprintf("sim: Config.Stack: %v", err))
	}
	s.Close()
	w.engine = newEngine()
	if t := config.T; t != nil {
		t.Cleanup(func() {
			t.Helper()
			w.reportFailure()
			if err := w.Close(); err != nil {
				t.Log(err)
			}
		})
	}
	return w
}

// seedOf returns the seed to take, and whether it is not the program's.
func seedOf(seed uint64) (uint64, bool) {
	if seed != 0 {
		return seed, false
	}
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 0, 64)
		if err != nil || seed == 0 {
			panic(fmt.Sprintf("sim: %s is %q; want a number from 1 to %d", seedVariable, text, uint64(1<<64-1)))
		}
		return seed, true
	}
	var b [8]byte
	rand.Read(b[:]) // never fails
	return max(1, binary.BigEndian.Uint64(b[:])), true
}

// Seed returns the seed of the world.
func (w *World) Seed() uint64 { return w.seed }

// reportFailure logs the report if the test has failed, once.
func (w *World) reportFailure() {
	if t := w.config.T; t != nil && t.Failed() && !w.reported.Swap(true) {
		t.Helper()
		t.Log(w.Report())
	}
}

// Close closes all hosts, as Stack.Close does, and ends the network. What is under
// way vanishes. The error is that of a capture file. Later Closes do nothing.
func (w *World) Close() error {
	w.reportFailure() // before there are no connections any more
	w.mu.Lock()
	if w.closed {
		defer w.mu.Unlock()
		for !w.over { // no channel: the test that closes again may be outside of the bubble
			w.ending.Wait()
		}
		return w.closeErr
	}
	w.closed = true
	hosts := w.hosts
	w.mu.Unlock()
	for _, h := range hosts {
		h.Stack.Close()
	}
	w.engine.stop()
	w.engine.forget()
	err := w.watchers.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over, w.closeErr = true, err
	w.ending.Broadcast()
	return err
}

// hostKey is the form in which names are compared.
func hostKey(name string) string { return strings.ToLower(name) }

// nameLocked panics when there can be no new node of that name.
func (w *World) nameLocked(name string) {
	_, err := netip.ParseAddr(name)
	switch {
	case w.closed:
		panic(fmt.Sprintf("sim: node %q in a world that is closed", name))
	case name == "" || strings.ContainsAny(name, ":/[]%") || strings.ContainsFunc(name, notShown) || strings.HasSuffix(name, ".") || err == nil,
		hostKey(name) == "localhost" || strings.HasSuffix(hostKey(name), ".localhost"): // RFC 6761, 6.3
		panic(fmt.Sprintf("sim: %q is no name for a node: want one that can stand in \"name:80\", and is no address", name))
	case w.byName[hostKey(name)] != nil:
		panic(fmt.Sprintf("sim: there are two nodes named %q: each needs a name of its own", name))
	}
}

// notShown says that a character in a name would break the lines of a trace.
func notShown(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// addrs returns the addresses of the host of that name, nil if there is none.
func (w *World) addrs(name string) []netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := hostOf(w.byName[hostKey(name)]); h != nil {
		return h.addrsLocked()
	}
	return nil
}

// Trace writes each packet, from now on, to out as a line: when and where it was
// sent, what it is in the notation of RFC 9293, and what became of it. The order of
// the lines is that of the events; one that was under way when its path was cut has a
// second one. out is written to on the goroutine on which the network runs: what it
// waits for, all wait for, and it must call nothing of the network. After an error of
// out nothing more is written. The next Trace takes the place of this one; nil ends it.
func (w *World) Trace(out io.Writer) { w.watchers.setTrace(out) }

// Capture writes each packet, from now until Close, to a pcapng file, which
// Wireshark and tcpdump open: whole, with virtual time stamps, an interface for each
// path, and a comment for what became of it unless it arrived. The error is that of
// creating the file; one of writing it is returned by Close.
func (w *World) Capture(path string) error { return w.watchers.capture(path) }

// Ladder returns a drawing of the first TCP connection between two hosts that opens
// from now on. It panics when they are not two hosts of this world.
func (w *World) Ladder(a, b *Host) *Ladder {
	if a == nil || b == nil || a == b || a.w != w || b.w != w {
		panic(fmt.Sprintf("sim: Ladder of %s and %s: want two hosts of this world", nodeName(a), nodeName(b)))
	}
	l := newLadder(a.name, b.name)
	w.watchers.add(l)
	return l
}

// Report returns what there is to say when a test fails: the seed and the command that
// repeats it, the last packets of each path, and the connections of each host. Config.T
// logs it.
func (w *World) Report() string {
	w.mu.Lock()
	hosts, cables := slices.Clone(w.hosts), slices.Clone(w.cables)
	w.mu.Unlock()
	r := reportInput{seed: w.seed, drawn: w.drawn, pkg: importPath(), start: w.engine.start}
	if w.config.T != nil {
		r.test = w.config.T.Name()
	}
	for _, c := range cables {
		r.ways = append(r.ways, &c.ways[0].recent, &c.ways[1].recent)
	}
	for _, h := range hosts {
		r.hosts = append(r.hosts, reportHost{h.name, h.Connections()})
	}
	var b strings.Builder
	report(&b, r)
	return b.String()
}
