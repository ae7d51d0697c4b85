package sim

import (
	"bytes"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A Switch joins hosts, routers and other switches in one Ethernet. It learns who
// is where, and takes no time.
type Switch struct {
	w    *World
	name string
	net  *network // guarded by the world's lock; shared by all switches of one Ethernet

	// The engine's goroutine's, but ways, which is guarded by the engine's lock.
	ways  []*way // to the neighbours
	table map[wire.MAC]station
}

// A station is where a MAC address was seen last.
type station struct {
	at time.Duration
	to *way
}

const (
	// IEEE 802.1D-2004, table 7-5: the recommended ageing time.
	maxAge = 300 * time.Second
	// maxStations is more than an Ethernet has hosts. Where an application makes up
	// further MAC addresses, those are not learned, and what is for them goes to all.
	maxStations = 1 << 16
)

// Switch makes a switch of that name. It panics when there is a node of that name.
func (w *World) Switch(name string) *Switch {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nameLocked(name)
	s := &Switch{w: w, name: name, table: make(map[wire.MAC]station)}
	s.net = &network{lan: true, switches: []*Switch{s}}
	w.byName[hostKey(name)] = s
	return s
}

func (s *Switch) String() string { return s.name }

// forward sends on what came from the neighbour at the other end of from: to where
// its destination was seen, or to all others. It runs on the engine's goroutine.
func (s *Switch) forward(from *way, packets []link.Packet) {
	now := s.w.engine.now()
	verified := packets[0].Offload.Checksum == link.ChecksumVerified
	h, _, r := wire.ParseEthernet(packets[0].Data[0])
	if r != wire.OK {
		return
	}
	if _, known := s.table[h.Src]; known || len(s.table) < maxStations && !h.Src.IsMulticast() {
		s.table[h.Src] = station{now, from}
	}
	if to, ok := s.table[h.Dst]; ok && now-to.at <= maxAge {
		if to.to != from {
			to.to.pass(now, packets, verified)
		}
		return
	}
	s.w.engine.mu.Lock()
	ways := s.ways
	s.w.engine.mu.Unlock()
	frame := bytes.Clone(packets[0].Data[0])
	for _, y := range ways {
		if y != from {
			y.relay(now, frame, verified)
		}
	}
}
