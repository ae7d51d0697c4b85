package pipe

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/usernet-go/usernet/link"
)

const (
	// RFC 791, 3.2: "Every internet module must be able to forward a datagram
	// of 68 octets without further fragmentation." IPv6 wants 1280 (RFC 8200,
	// 5): a stack on a pipe below that has IPv4 only.
	minMTU     = 68
	defaultMTU = 1500
	maxMTU     = 65535

	maxSegment = 65535 // largest IP packet, and so the largest super-segment
	maxPieces  = 1024
	maxBacklog = 64 // packets kept until the first Receive
)

// Config describes a pipe. The zero value is Ethernet with an MTU of 1500.
type Config struct {
	// MTU is the largest IP packet in bytes, without the link header: 68 to
	// 65535, 1280 or more where IPv6 is to work; 0 means 1500.
	MTU int
	// Medium says what a packet starts with.
	Medium link.Medium
	// GSO lets TCP super-segments of up to 64 KiB pass whole.
	GSO bool
}

// New returns the two ends of a pipe. It panics, with the reason, when cfg
// makes no sense.
//
// What is sent into one end is delivered at the other before Send returns.
// Until the other end's first Receive the pipe keeps copies of up to 64
// packets, takes no more than that, and hands them over in order before
// anything newer. When the other end is closed, packets are taken and vanish,
// as on a cut wire. After its own Close an end's Send returns os.ErrClosed.
func New(cfg Config) (a, b link.Link) {
	if cfg.MTU == 0 {
		cfg.MTU = defaultMTU
	}
	if cfg.MTU < minMTU || cfg.MTU > maxMTU {
		panic(fmt.Sprintf("pipe: an MTU of %d bytes; want %d to %d, and 1280 or more for IPv6", cfg.MTU, minMTU, maxMTU))
	}
	if cfg.Medium != link.Ethernet && cfg.Medium != link.IP {
		panic(fmt.Sprintf("pipe: unknown medium %d; want link.Ethernet or link.IP", cfg.Medium))
	}
	info := link.Info{
		Medium:          cfg.Medium,
		MTU:             cfg.MTU,
		MaxPieces:       maxPieces,
		ChecksumOffload: true,
		Queues:          1,
	}
	if cfg.GSO {
		info.MaxSegment = maxSegment
	}
	x, y := newEnd(info), newEnd(info)
	x.peer, y.peer = y, x
	return x, y
}

// An end is one of the two links of a pipe.
type end struct {
	info link.Info
	peer *end
	done chan struct{} // closed when Close is through

	// Read on every Send, written once in a lifetime.
	closed  atomic.Bool
	deliver atomic.Pointer[func([]link.Packet)] // nil until the backlog is handed over

	// running is twice the number of deliveries in progress at this end, plus
	// one from Close on. It has a cache line of its own: senders write it. An
	// RWMutex would do the same for more, and deadlocks when Close comes
	// between a delivery and one nested in it.
	_       [64]byte
	running atomic.Int64
	_       [64]byte

	mu        sync.Mutex
	idle      sync.Cond     // no delivery is in progress any more; on mu
	backlog   []link.Packet // copies; guarded by mu
	receiving bool          // Receive was called; guarded by mu
	late      int           // packets kept since then; guarded by mu
	ended     bool          // done is closed; guarded by mu
}

func newEnd(info link.Info) *end {
	e := &end{info: info, done: make(chan struct{})}
	e.idle.L = &e.mu
	return e
}

func (e *end) Info() link.Info { return e.info }

func (e *end) Send(batch []link.Packet) (int, error) {
	if e.closed.Load() {
		return 0, os.ErrClosed
	}
	if len(batch) == 0 {
		return 0, nil
	}
	return e.peer.arrive(batch), nil
}

// arrive delivers a batch at e, or keeps it for the first Receive, and says how
// many packets of it were taken.
func (e *end) arrive(batch []link.Packet) int {
	if e.closed.Load() {
		return len(batch) // and leaves running alone: Close waits until nobody touches it
	}
	deliver := e.deliver.Load()
	if deliver == nil {
		var n int
		if deliver, n = e.keep(batch); deliver == nil {
			return n
		}
	}
	if e.enter() {
		defer e.leave()
		(*deliver)(batch)
	}
	return len(batch)
}

// enter begins a delivery; false means that e is closed.
func (e *end) enter() bool {
	if e.running.Add(2)&1 == 0 {
		return true
	}
	e.leave()
	return false
}

// leave ends a delivery.
func (e *end) leave() {
	if e.running.Add(-2) == 1 {
		e.mu.Lock()
		e.idle.Broadcast()
		e.mu.Unlock()
	}
}

// keep copies as much of batch into the backlog as has room there. When Receive
// has taken the backlog over meanwhile, it returns its deliver instead.
//
// While Receive hands the backlog over, it takes maxBacklog packets more in all:
// their delivery may lead to new ones, and a flow that goes on and on would
// otherwise never be delivered by its senders.
func (e *end) keep(batch []link.Packet) (deliver *func([]link.Packet), n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if deliver = e.deliver.Load(); deliver != nil {
		return deliver, 0
	}
	if e.running.Load()&1 != 0 {
		return nil, len(batch)
	}
	n = min(len(batch), maxBacklog-len(e.backlog))
	if e.receiving {
		n = min(n, maxBacklog-e.late)
		e.late += n
	}
	for i := range batch[:n] {
		p := &batch[i]
		data := make([]byte, 0, p.Len())
		for _, piece := range p.Data {
			data = append(data, piece...)
		}
		e.backlog = append(e.backlog, link.Packet{Data: [][]byte{data}, Offload: p.Offload})
	}
	return nil, n
}

func (e *end) Receive(queue int, deliver func([]link.Packet)) error {
	if queue != 0 {
		return fmt.Errorf("pipe: no receive queue %d; the only one is 0", queue)
	}
	e.mu.Lock()
	again := e.receiving
	e.receiving = true
	e.mu.Unlock()
	if again {
		return errors.New("pipe: Receive was called before")
	}
	for e.handOver(&deliver) {
	}
	<-e.done
	return nil
}

// handOver delivers what has gathered in the backlog, or, when there is nothing,
// lets senders deliver by themselves from now on. It says whether to go on.
func (e *end) handOver(deliver *func([]link.Packet)) bool {
	if !e.enter() {
		return false
	}
	defer e.leave()
	e.mu.Lock()
	batch := e.backlog
	e.backlog = nil
	if len(batch) == 0 {
		e.deliver.Store(deliver)
	}
	e.mu.Unlock()
	if len(batch) == 0 {
		return false
	}
	(*deliver)(batch)
	return true
}

func (e *end) Close() error {
	e.closed.Store(true)
	e.running.Or(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.running.Load() != 1 {
		e.idle.Wait()
	}
	// The other end may live on, and with it e.
	e.backlog = nil
	e.deliver.Store(nil)
	if !e.ended {
		e.ended = true
		close(e.done)
	}
	return nil
}
