package host

import "time"

// confirmInterval is how far apart confirmations of a neighbour are at least: what
// is older than ReachableTime says nothing, and what is younger need not be exact.
const confirmInterval = time.Second

// reachable says that packets by way of nbr, if not nil, do arrive, since a connection
// makes progress. It takes no lock, and mostly only looks at a word.
//
// RFC 4861, 7.3.1: "if packets are reaching the peer, they must also be reaching the
// sender's next-hop neighbor; thus, "forward progress" is a confirmation that the
// next-hop neighbor is reachable. [...] When available, this upper-layer information
// SHOULD be used."
func (h *Host) reachable(now time.Time, nbr *neighbour) {
	if nbr == nil {
		return
	}
	at := int64(now.Sub(h.epoch))
	if last := nbr.confirmed.Load(); last == 0 || at-last >= int64(confirmInterval) {
		nbr.confirmed.Store(max(at, 1))
	}
}

// confirmed says whether n was confirmed less than d ago; then it becomes REACHABLE,
// until ReachableTime after that.
//
// RFC 4861, 7.3.3: "When a reachability confirmation is received (either through
// upper-layer advice or a solicited Neighbor Advertisement), an entry's state changes
// to REACHABLE."
func (c *neighbourCache) confirmed(now time.Time, n *neighbour, d time.Duration) bool {
	at := n.confirmed.Load()
	if at == 0 {
		return false
	}
	age := now.Sub(c.epoch.Add(time.Duration(at)))
	if age >= d || age >= c.timesOf(n).reachable {
		return false
	}
	c.enter(now, n, neighbourReachable)
	n.deadline = now.Add(c.timesOf(n).reachable - age)
	return true
}
