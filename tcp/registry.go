package tcp

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usernet-go/usernet/internal/text"
)

// An Algorithm is a congestion control by its name.
type Algorithm struct {
	Name string
	New  func() CongestionControl // makes one for each connection
}

// DefaultCongestionControl names the algorithm of connections for which nobody has
// chosen one.
const DefaultCongestionControl = "cubic"

// builtins are the algorithms that need not be registered, in the order of their
// names.
var builtins = []*Algorithm{
	{"bbr", func() CongestionControl { return new(BBR) }},
	{"cubic", func() CongestionControl { return new(CUBIC) }},
	{"reno", func() CongestionControl { return new(NewReno) }},
}

// registered are those of RegisterCongestionControl. What is in it stays: a name
// that was good once is good later.
var registered struct {
	sync.RWMutex
	algorithms map[string]*Algorithm
}

// ErrUnknownAlgorithm is in the chain of what LookupAlgorithm returns for a name that
// nobody has registered.
var ErrUnknownAlgorithm = errors.New("unknown congestion control")

// RegisterCongestionControl makes an algorithm known by a name, for the whole
// program: new makes one for each connection that chooses it, and is called under
// that connection's lock, by many goroutines at once. The error says that the name is
// empty or taken, or that new is nil.
func RegisterCongestionControl(name string, new func() CongestionControl) error {
	switch {
	case name == "":
		return errors.New("a congestion control needs a name")
	case new == nil:
		return text.Errorf("congestion control %q: the function that makes one is nil", name)
	}
	registered.Lock()
	defer registered.Unlock()
	if builtin(name) != nil || registered.algorithms[name] != nil {
		return text.Errorf("the name %q is taken by another congestion control", name)
	}
	if registered.algorithms == nil {
		registered.algorithms = make(map[string]*Algorithm)
	}
	registered.algorithms[name] = &Algorithm{name, new}
	return nil
}

func builtin(name string) *Algorithm {
	for _, a := range builtins {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// LookupAlgorithm returns the algorithm of a name. The error lists the names that
// there are.
func LookupAlgorithm(name string) (*Algorithm, error) {
	if a := builtin(name); a != nil {
		return a, nil
	}
	registered.RLock()
	a := registered.algorithms[name]
	registered.RUnlock()
	if a == nil {
		return nil, text.Errorf("%w %q: expected %s", ErrUnknownAlgorithm, name, anyOf(CongestionControls()))
	}
	return a, nil
}

// NewCongestionControl makes a congestion control by its name, for one that builds on
// another; false if there is none of that name.
func NewCongestionControl(name string) (CongestionControl, bool) {
	a, err := LookupAlgorithm(name)
	if err != nil {
		return nil, false
	}
	return a.New(), true
}

// CongestionControls returns the names that LookupAlgorithm knows, sorted.
func CongestionControls() []string {
	registered.RLock()
	defer registered.RUnlock()
	names := slices.Collect(maps.Keys(registered.algorithms))
	for _, a := range builtins {
		names = append(names, a.Name)
	}
	// They are few, and slices.Sort of strings has 7 KB of code.
	for i := range names {
		for ; i > 0 && names[i] < names[i-1]; i-- {
			names[i], names[i-1] = names[i-1], names[i]
		}
	}
	return names
}

// anyOf writes a list of names as a choice: "a", "b" or "c".
func anyOf(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// SetCongestionControl puts a in charge of what may be in the network: of a
// connection that is sending already, from the window and the round-trip time on
// that it has come to. The same algorithm again changes nothing.
func (c *Conn) SetCongestionControl(t time.Time, a *Algorithm) {
	if a == c.algorithm {
		return
	}
	c.algorithm = a
	if c.cc == nil {
		return // begins when the connection is established
	}
	now, own := c.at(t), c.window.Own
	c.window.Own, c.window.PacingRate = false, 0
	c.startCongestionControl(now)
	if own && c.prrLeads() {
		// The machine is to lead the window to a threshold now that nobody has set.
		c.reduceForLoss(now, c.flight(), c.flight())
	}
}

// startCongestionControl makes the congestion control, and tells it of the window.
func (c *Conn) startCongestionControl(now instant) {
	c.cc = c.algorithm.New()
	c.cc.Start(&c.window, Beginning{
		Now: now.since(0), Initial: c.initialWindow(), RTT: c.rtt.srtt,
		SACK: c.sackOK, Seed: uint64(c.snd.iss)<<32 | uint64(c.rcv.irs),
	})
}
