package tun

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
)

const (
	maxSegment = 65535
	maxPieces  = 1023 // and the virtio header: what one writev takes
)

// A device is one or several descriptors of an interface.
type device struct {
	name      string
	info      link.Info
	isDevice  bool // TUN or TAP
	headerLen int  // bytes of the virtio header; 0: none
	datagrams bool // a socket of type SOCK_DGRAM: no connection that could end
	queues    []*queue
	senders   sync.Pool // of *sender

	closed    atomic.Bool
	mu        sync.Mutex // orders the start of receivers and the end of the device
	receivers sync.WaitGroup
}

// A queue is one descriptor.
type queue struct {
	file      *os.File
	conn      syscall.RawConn
	receiving bool // guarded by the device's mu
}

func (d *device) Info() link.Info { return d.info }

// begin marks queue i as being received from; false when d is closed.
func (d *device) begin(i int) (*queue, bool, error) {
	if i < 0 || i >= len(d.queues) {
		return nil, false, text.Errorf("tun: %s: no receive queue %d; there are %d, from 0", d.name, i, len(d.queues))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.queues[i]
	switch {
	case d.closed.Load():
		return nil, false, nil
	case q.receiving:
		return nil, false, text.Errorf("tun: %s: Receive of queue %d runs already", d.name, i)
	}
	q.receiving = true
	d.receivers.Add(1)
	return q, true, nil
}

// end takes back begin, and says whether d was closed meanwhile.
func (d *device) end(q *queue) (closed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q.receiving = false
	d.receivers.Done()
	return d.closed.Load()
}

func (d *device) Close() error {
	d.mu.Lock()
	again := d.closed.Swap(true)
	d.mu.Unlock()
	if again {
		return nil
	}
	var first error
	for _, q := range d.queues {
		// Wakes Receive, and returns when nobody uses the descriptor any more.
		if err := q.file.Close(); err != nil && first == nil {
			first = text.Errorf("tun: %s: %w", d.name, err)
		}
	}
	d.receivers.Wait()
	return first
}

// explain says what an errno of read or write means.
func (d *device) explain(call string, errno syscall.Errno) error {
	err := os.NewSyscallError(call, errno)
	switch errno {
	case unix.EIO:
		return text.Errorf("tun: %s is down: %w", d.name, err)
	case unix.EBADFD, unix.EFAULT:
		return text.Errorf("tun: %s is gone: %w", d.name, err)
	}
	return text.Errorf("tun: %s: %w", d.name, err)
}
