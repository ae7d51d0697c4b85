// Package load is the work that connections are given: bulk, request and response,
// connections that come and go, idle ones, and many that each say little. It knows no
// stack: it is given a way to dial and one to listen.
//
// The client measures. It dials, and it closes first, so that TIME-WAIT is its own; the
// server answers and closes when the client has. What a side uses besides time (its
// processor, its allocations) is read when the measurement begins and ends, at both
// sides if they are two processes.
package load

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Kinds of work.
const (
	Bulk     = "bulk"     // Conns connections send as fast as they can
	PingPong = "pingpong" // Size bytes there and back, on one connection, beside Beside bulk ones
	Connect  = "connect"  // Conns workers dial, exchange a byte, close
	Idle     = "idle"     // Pairs connections are open, with blocked readers or without
	Many     = "many"     // Pairs connections exchange Size bytes once a second each
	Keep     = "keep"     // Pairs connections are opened, kept alive for Duration, closed
)

// Work is what a client and a server do together.
type Work struct {
	Kind     string
	Conns    int           `json:",omitempty"`
	Size     int           `json:",omitempty"`
	Beside   int           `json:",omitempty"`
	Pairs    int           `json:",omitempty"`
	Blocked  bool          `json:",omitempty"`
	Segment  int           `json:",omitempty"` // bytes of payload that count as a segment, for Bulk
	Warmup   time.Duration `json:",omitempty"`
	Duration time.Duration `json:",omitempty"`
}

// Figures are what was measured, by name.
type Figures map[string]float64

// Names of figures.
const (
	Gigabits   = "Gbit/s"
	PerSecond  = "1/s"
	P50        = "p50 us"
	P99        = "p99 us"
	CPU        = "us CPU"      // user and system time at both ends: per MiB, exchange or connection
	Allocs     = "allocations" // likewise: per segment, exchange or connection
	AllocBytes = "bytes"       // allocated, likewise
	Heap       = "heap B"      // per end of an idle connection, as what follows
	Objects    = "objects"
	Stacks     = "stack B" // of goroutines
	Goroutines = "goroutines"
	Resident   = "resident B" // of the processes
	Kernel     = "kernel B"   // what the kernel's slabs grew
	Peak       = "peak MiB"   // most that was resident
	OpenTime   = "open s"
	CloseTime  = "close s"
)

// A Peer is the server as its client sees it.
type Peer interface {
	// Usage is what the server's process has used; nothing, when it is the client's.
	Usage() (Usage, error)
	// Rest waits until so many connections are held, collects garbage and says what
	// is in use; nothing, when it is the client's process.
	Rest(held int) (Usage, error)
	// Arrived is how many bytes of bulk the server has read.
	Arrived() (uint64, error)
	// Release closes all connections that are held.
	Release() error
}

// Dial connects to a port of the server.
type Dial func(port int) (net.Conn, error)

// Run does the client's part of w, and measures.
func Run(ctx context.Context, w Work, dial Dial, peer Peer) (Figures, error) {
	switch w.Kind {
	case Bulk:
		return w.bulk(ctx, dial, peer)
	case PingPong:
		return w.pingPong(ctx, dial, peer)
	case Connect:
		return w.connect(ctx, dial, peer)
	case Idle:
		return w.idle(ctx, dial, peer)
	case Many:
		return w.many(ctx, dial, peer)
	case Keep:
		return w.keep(ctx, dial, peer)
	}
	return nil, fmt.Errorf("no work is called %q", w.Kind)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
