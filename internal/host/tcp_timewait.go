package host

import (
	"sync"
	"time"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// timeWaitTable keeps the connections in TIME-WAIT, each as a compact record in
// one slab, in the order of their deadlines. At its bound the oldest record goes
// first, and so when there is no memory for one more, and is counted: the port is then
// free before 2 MSL have passed, which sequence numbers by RFC 6528 and PAWS make safe
// but for old duplicates.
type timeWaitTable struct {
	mu     sync.Mutex // below the connection's lock; under it only leaves: see doc.go
	max    int
	ports  *sharedPorts
	index  map[flowKey]int32 // into slab
	slab   []timeWaitRecord  // slab[0] is the ring's head: its next is the oldest
	free   int32             // first free record, linked by next; 0: none
	timer  timer
	closed bool

	memory *memory
	held   holding // for the slab
}

// timeWaitRecord is all that is left of a connection in TIME-WAIT.
type timeWaitRecord struct {
	key        flowKey
	prev, next int32
	tw         tcp.TimeWait
	counted    bool // as a use of the port: see sharedPorts
}

func (t *timeWaitTable) init(h *Host) {
	t.max = h.config.MaxTimeWait
	t.ports, t.memory = &h.shared, &h.memory
	t.timer.owner = timerFunc(h.timeWaitDue)
	t.index = make(map[flowKey]int32)
	t.slab = make([]timeWaitRecord, 1)
}

func (t *timeWaitTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.index)
}

func (t *timeWaitTable) unlinkLocked(i int32) {
	r := &t.slab[i]
	t.slab[r.prev].next, t.slab[r.next].prev = r.next, r.prev
}

func (t *timeWaitTable) linkLastLocked(i int32) {
	r, head := &t.slab[i], &t.slab[0]
	r.prev, r.next = head.prev, 0
	t.slab[head.prev].next, head.prev = i, i
}

func (t *timeWaitTable) removeLocked(i int32) {
	t.unlinkLocked(i)
	r := &t.slab[i]
	delete(t.index, r.key)
	if r.counted {
		t.ports.release(wire.ProtocolTCP, r.key.localPort)
	}
	*r = timeWaitRecord{next: t.free}
	t.free = i
}

// remove forgets the record of k: a new connection of that four-tuple is open.
//
// RFC 9293, 3.6.1: "it MAY accept a new SYN from the remote TCP endpoint to reopen
// the connection directly from TIME-WAIT state (MAY-2), if it [...] returns to
// TIME-WAIT state if the SYN turns out to be an old duplicate": until then the
// record stays.
func (t *timeWaitTable) remove(k *flowKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.index[*k]; ok {
		t.removeLocked(i)
	}
}

// addTimeWait puts a record in c's place. The connection's lock is held.
func (h *Host) addTimeWait(key flowKey, tw tcp.TimeWait) {
	t := &h.timeWait
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if i, ok := t.index[key]; ok {
		t.removeLocked(i)
	}
	for len(t.index) >= t.max && t.slab[0].next != 0 {
		t.removeLocked(t.slab[0].next)
		h.stats.tcp.timeWaitEvicted.Add(1)
	}
	if t.free == 0 && t.slab[0].next != 0 && !t.held.cover(t.memory, (len(t.slab)+1)*timeWaitCost) {
		t.removeLocked(t.slab[0].next)
		h.stats.tcp.timeWaitEvicted.Add(1)
	}
	i := t.free
	if i != 0 {
		t.free = t.slab[i].next
	} else {
		i = int32(len(t.slab))
		t.slab = append(t.slab, timeWaitRecord{})
	}
	t.slab[i].key, t.slab[i].tw = key, tw
	t.index[key] = i
	t.linkLastLocked(i)
	t.countLocked(i)
	if t.slab[0].next == i {
		h.timers.set(&t.timer, tw.Deadline())
	}
}

// countLocked counts the port of a record that is in the table.
func (t *timeWaitTable) countLocked(i int32) {
	if r := &t.slab[i]; !r.counted && t.ports.active.Load() {
		r.counted = true
		t.ports.join(wire.ProtocolTCP, r.key.localPort)
	}
}

// countAll counts the ports of all records.
func (t *timeWaitTable) countAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := t.slab[0].next; i != 0; i = t.slab[i].next {
		t.countLocked(i)
	}
}

// timeWaitDue removes the records whose time is over.
func (h *Host) timeWaitDue(now time.Time) {
	t := &h.timeWait
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := t.slab[0].next; i != 0; i = t.slab[0].next {
		if d := t.slab[i].tw.Deadline(); d.After(now) {
			h.timers.set(&t.timer, d)
			return
		}
		t.removeLocked(i)
	}
	if len(t.index) == 0 && len(t.slab) > timeWaitSlabKept {
		t.slab, t.free = make([]timeWaitRecord, 1), 0
		t.index = make(map[flowKey]int32)
		t.held.cover(t.memory, 0)
	}
}

// timeWaitSlabKept is how many records an empty table keeps room for; a larger
// one gives its memory back.
const timeWaitSlabKept = 1024

// timeWaitReuse takes the record of k out, if there is one, so that a dialled
// connection may have the four-tuple; false if it is too early for that. iss is
// the initial sequence number that the connection would have, and is moved if that
// is needed to keep it apart from the one before.
func (h *Host) timeWaitReuse(now time.Time, k *flowKey, iss *tcp.Seq) bool {
	t := &h.timeWait
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.index[*k]
	if !ok {
		return true
	}
	tw := &t.slab[i].tw
	if !tw.CanReuse(now) {
		return false
	}
	*iss = tw.ISS(*iss)
	t.removeLocked(i)
	return true
}

// closeAll forgets all records and takes no more.
func (t *timeWaitTable) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.index, t.slab, t.free = nil, make([]timeWaitRecord, 1), 0
	t.held.cover(t.memory, 0)
}
