package sim

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A port is the end of a cable at a host: the link that its stack is attached to.
type port struct {
	w     *World
	cable *Cable
	end   int // of the cable
	out   *way
	info  link.Info

	deliver atomic.Pointer[func([]link.Packet)] // nil before Receive, and after Close
	up      chan struct{}                       // closed by Receive
	done    chan struct{}                       // closed by Close
	closing sync.Once
	silent  atomic.Bool // what is sent vanishes
}

const maxSegment = 65535 // largest super-segment in bytes: it is cut into packets of the MTU

func newPort(c *Cable, end int) *port {
	out := c.ways[end]
	return &port{
		w:     c.w,
		cable: c,
		end:   end,
		out:   out,
		info: link.Info{
			Medium:          out.medium,
			MTU:             c.mtu,
			MaxSegment:      maxSegment,
			MaxPieces:       1024,
			ChecksumOffload: true,
			Queues:          1,
			MAC:             wire.MAC{0x02, 0, byte(out.id >> 24), byte(out.id >> 16), byte(out.id >> 8), byte(out.id)},
		},
		up:   make(chan struct{}),
		done: make(chan struct{}),
	}
}

func (p *port) Info() link.Info { return p.info }

// Send puts packets on the way as they are on a wire.
func (p *port) Send(batch []link.Packet) (int, error) {
	select {
	case <-p.done:
		return 0, os.ErrClosed
	default:
	}
	if p.silent.Load() {
		return len(batch), nil
	}
	cutter := p.w.cutters.Get().(*link.Cutter)
	defer p.w.cutters.Put(cutter)
	now := p.w.engine.now()
	for i := range batch {
		packets, err := cutter.Cut(p.info.Medium, &batch[i])
		if err != nil {
			return i, err
		}
		// What is passed on may have been damaged before.
		if !p.out.send(now, packets, batch[i].Offload.Checksum != link.ChecksumNone) {
			return i, nil
		}
	}
	return len(batch), nil
}

func (p *port) Receive(queue int, deliver func([]link.Packet)) error {
	if queue != 0 {
		return fmt.Errorf("sim: no receive queue %d; the only one is 0", queue)
	}
	if !p.deliver.CompareAndSwap(nil, &deliver) {
		return fmt.Errorf("sim: Receive was called before")
	}
	close(p.up)
	<-p.done
	return nil
}

// receive takes what arrives; a host that is closed hears nothing.
func (p *port) receive(packets []link.Packet) {
	select {
	case <-p.done:
		return
	default:
	}
	if deliver := p.deliver.Load(); deliver != nil {
		(*deliver)(packets)
	}
}

func (p *port) Close() error {
	p.closing.Do(func() { close(p.done) })
	p.w.engine.settle()
	return nil
}
