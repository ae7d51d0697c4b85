package host

import "net/netip"

// A fragmentHolder is a neighbour that delivers fragments, or a source whose
// fragments a neighbour delivers. At a bound of the reassembler the one makes room
// that holds most datagrams: a flood costs the neighbour from which it comes, and
// behind a router the source.
type fragmentHolder struct {
	neighbour uint64     // who delivered them: see neighbourOf
	source    netip.Addr // the zero Addr: whatever the source
}

// holders counts the datagrams in reassembly by holder.
type holders map[fragmentHolder]int

func (h holders) add(p *partial, n int) {
	for _, k := range [2]fragmentHolder{{p.neighbour, netip.Addr{}}, {p.neighbour, p.key.src}} {
		if h[k] += n; h[k] == 0 {
			delete(h, k)
		}
	}
}

// victim returns the datagram that makes room for another: the oldest of the source
// that has most, among those of the neighbour that has most.
func (m *reassembler) victim() *partial {
	var victim *partial
	var most, mostOfSource int
	for p := m.ring.newer; p != &m.ring; p = p.newer {
		n := m.holders[fragmentHolder{p.neighbour, netip.Addr{}}]
		if n < most {
			continue
		}
		ofSource := m.holders[fragmentHolder{p.neighbour, p.key.src}]
		if n > most || ofSource > mostOfSource {
			victim, most, mostOfSource = p, n, ofSource
		}
	}
	return victim
}

// neighbourOf names who delivered a fragment: an interface, and on Ethernet the
// station that has sent the frame.
func (b *inputBatch) neighbourOf() uint64 {
	n := uint64(b.ifc.index) << 48
	if b.linkLen > 0 {
		n |= packMAC(b.frameSource) &^ neighbourMACUsable
	}
	return n
}
