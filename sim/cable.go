package sim

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/usernet-go/usernet/link"
)

// A Cable joins two nodes. Its methods may be called concurrently, and take effect
// at once.
type Cable struct {
	w      *World
	number int // of the cables of the world, from 0
	name   string
	mtu    int
	ways   [2]*way // there and back
	path   Path    // guarded by the engine's lock
}

// String returns the names of the nodes.
func (c *Cable) String() string { return c.name }

// Cut parts the nodes: what is under way between them, and what is sent, is lost.
func (c *Cable) Cut() { c.setCut(true) }

// Heal joins the nodes again after Cut.
func (c *Cable) Heal() { c.setCut(false) }

func (c *Cable) setCut(cut bool) {
	c.w.engine.mu.Lock()
	defer c.w.engine.mu.Unlock()
	for _, y := range c.ways {
		if cut && !y.cut {
			y.cuts++
		}
		y.cut = cut
	}
}

// Set changes what happens to packets, and nothing else: what is under way arrives
// as it would have, what waits for the bottleneck goes on waiting, and packets count
// on. What is sent at the very instant of Set may take the new path, even if it was
// sent before. It panics, with the reason, when path makes no sense.
func (c *Cable) Set(path Path) {
	if path.MTU != 0 && path.MTU != c.mtu {
		panic(fmt.Sprintf("sim: %s: an MTU of %d; the hosts at it have learned %d: let larger packets vanish with BlackHole", c.name, path.MTU, c.mtu))
	}
	c.checkPath(&path)
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.applyLocked(&path)
}

// Path returns what happens to packets at present: to change a part of it, change that
// in the copy, and Set it.
func (c *Cable) Path() Path {
	c.w.engine.mu.Lock()
	defer c.w.engine.mu.Unlock()
	return c.path
}

// Stats returns the counters of both directions: from the first node that was named
// to Connect to the second, and back.
func (c *Cable) Stats() (there, back PathStats) {
	c.w.engine.mu.Lock()
	defer c.w.engine.mu.Unlock()
	return c.ways[0].stats, c.ways[1].stats
}

// checkPath panics when path makes no sense.
func (c *Cable) checkPath(path *Path) {
	if c.mtu < minMTU || c.mtu > maxMTU {
		panic(fmt.Sprintf("sim: %s: an MTU of %d bytes; want %d to %d, or 0 for %d", c.name, c.mtu, minMTU, maxMTU, defaultMTU))
	}
	for i, p := range []*Path{path, path.back()} {
		name := c.name
		if i == 1 {
			name += ": Back"
		}
		if p.BlackHole < 0 {
			panic(fmt.Sprintf("sim: %s: path with BlackHole %d; want bytes, or 0", name, p.BlackHole))
		}
		model := p.model()
		if err := model.Check(); err != nil {
			panic(fmt.Sprintf("sim: %s: %s", name, strings.TrimPrefix(err.Error(), "link: ")))
		}
	}
}

// applyLocked puts the path to use.
func (c *Cable) applyLocked(path *Path) {
	e := c.w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	c.path = *path
	for i, p := range []*Path{path, path.back()} {
		y := c.ways[i]
		y.drop = p.Drop
		if y.carrier != nil {
			y.carrier.Set(e.start.Add(e.now()), p.model())
			y.manageLocked()
			continue
		}
		seed := c.w.seedFor("way", fmt.Sprintf("%s\x00%s\x00%d", y.from, y.to, y.id))
		y.carrier = link.NewCarrier(p.model(), binary.BigEndian.Uint64(seed[:]))
	}
}
