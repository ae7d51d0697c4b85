package link

import (
	"os"
	"sync"
)

// ShapeConfig says what Shape does to the packets that are sent.
type ShapeConfig struct {
	Path Path
	// Seed decides, with a packet's number on the path, all that happens to it
	// by chance. Two ways with one seed lose the same numbers.
	Seed uint64
	// Drop, when not nil, picks packets that vanish before the path, where one
	// certain loss is wanted. It sees each packet as it would be on the wire, on
	// the goroutine that sends it, with no lock held; calls may overlap. The
	// packet is lent for the call.
	Drop func(Packet) bool
}

// ShapeStats counts packets as they are on the wire: super-segments are cut.
type ShapeStats struct {
	Sent       uint64 // into the shape, whatever became of them
	Delivered  uint64 // to the link below, copies included
	Picked     uint64 // dropped by ShapeConfig.Drop
	TooBig     uint64 // larger than Path.MTU
	Overflow   uint64 // found the queue full
	Managed    uint64 // dropped by CoDel
	Lost       uint64 // on the way
	Marked     uint64 // told that they met congestion, instead of being dropped
	Reordered  uint64 // held back
	Duplicated uint64
	Corrupted  uint64
	Refused    uint64 // the link below had no room, or an error, for them
}

const (
	maxFlying = 64 << 20 // bytes
	maxEmit   = 64       // packets in one batch to the link below
)

// Shaped is a link whose packets take a path on their way out.
type Shaped struct {
	link    Link
	medium  Medium
	drop    func(Packet) bool
	workers sync.Pool // of *shapeWorker

	mu      sync.Mutex
	carrier *Carrier
	flying  flights       // guarded by mu, as are carrier and the fields down to closed
	queued  fifo[*flight] // in CoDel's queue
	held    int           // bytes of packets in flying and queued, and of those about to be there
	stats   ShapeStats
	closed  bool

	wake     chan struct{} // there is something to do earlier; holds one
	quit     chan struct{}
	finished chan struct{} // run has returned
	closing  sync.Once
	err      error // of the link's Close
}

// shapeWorker is what one Send needs.
type shapeWorker struct {
	cutter  Cutter
	packets []Packet
}

// Shape returns l with a path before it: what is sent takes the path, what is
// received does not; shape both ends for a path with two ways. It panics, with
// the reason, when cfg.Path fails its Check.
//
// Info is l's: what l takes, Shape takes. But since a path loses and corrupts
// single packets, Shape cuts super-segments and completes checksums itself, so
// that l gets packets as they are on a wire. Corruption flips a bit of an IP
// packet; other frames, which no checksum of their own protects, are spared.
//
// Shape keeps copies of up to 64 MiB on the path, and says that it is full
// (Send takes fewer packets) at more than that. One goroutine, which ends with
// Close, sends them on; what is then still on the path vanishes. After Close,
// Send returns os.ErrClosed. In testing/synctest, time is the bubble's.
func Shape(l Link, cfg ShapeConfig) *Shaped {
	s := &Shaped{
		link:     l,
		medium:   l.Info().Medium,
		drop:     cfg.Drop,
		carrier:  NewCarrier(cfg.Path, cfg.Seed),
		wake:     make(chan struct{}, 1),
		quit:     make(chan struct{}),
		finished: make(chan struct{}),
	}
	s.workers.New = func() any { return new(shapeWorker) }
	go s.run()
	return s
}

// Info returns that of the wrapped link.
func (s *Shaped) Info() Info { return s.link.Info() }

// Unwrap returns the wrapped link.
func (s *Shaped) Unwrap() Link { return s.link }

// Receive is that of the wrapped link.
func (s *Shaped) Receive(queue int, deliver func([]Packet)) error {
	return s.link.Receive(queue, deliver)
}

// Stats returns the counters.
func (s *Shaped) Stats() ShapeStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Set changes the path: see Carrier.Set. It panics, with the reason, when p
// fails its Check. After Close it does nothing else.
func (s *Shaped) Set(p Path) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := now()
	s.carrier.Set(at, p)
	if s.closed {
		return
	}
	s.release(at) // before what is sent next
	s.hurry()
}

// hurry makes run look for something to do.
func (s *Shaped) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Send puts a batch on the path. A super-segment whose headers contradict its
// Offload gives an error.
func (s *Shaped) Send(batch []Packet) (int, error) {
	w := s.workers.Get().(*shapeWorker)
	defer s.workers.Put(w)
	for i := range batch {
		ok, err := s.sendOne(w, &batch[i])
		if err != nil || !ok {
			return i, err
		}
	}
	return len(batch), nil
}

// sendOne puts a packet, or the segments that it stands for, on the path; false
// when there is no room.
func (s *Shaped) sendOne(w *shapeWorker, p *Packet) (bool, error) {
	segments, err := w.cutter.Cut(s.medium, p)
	if err != nil {
		return false, err
	}
	size := 0
	for i := range segments {
		size += segments[i].Len()
	}
	if ok, err := s.reserve(size); !ok {
		return false, err
	}
	w.packets = w.packets[:0]
	for _, q := range segments {
		if s.drop == nil || !s.drop(q) {
			w.packets = append(w.packets, q)
		}
	}
	if s.carry(w.packets, len(segments)-len(w.packets), size) {
		s.hurry()
	}
	clear(w.packets)
	return true, nil
}

// reserve makes room for size bytes; false, without an error, when there is
// none.
func (s *Shaped) reserve(size int) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, os.ErrClosed
	}
	if s.held+size > maxFlying {
		return false, nil
	}
	s.held += size
	return true, nil
}

// Close drops what is on the path and closes the wrapped link.
func (s *Shaped) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.flying, s.queued = flights{}, fifo[*flight]{}
		s.mu.Unlock()
		close(s.quit)
		<-s.finished
		s.err = s.link.Close()
	})
	return s.err
}
