package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet/link"
)

// maxTraced is how many lines of a trace may wait to be written. Packets do not
// wait for a slow terminal: beyond that their lines are left out, and counted.
const maxTraced = 4096

// A tracer writes a line for each packet on a link (-v).
type tracer struct {
	w       io.Writer
	lines   chan tracedPacket
	skipped atomic.Int64
	done    sync.WaitGroup
}

type tracedPacket struct {
	at        time.Time
	direction link.Direction
	packet    packet
}

// startTrace returns l with a tracer on it. Stop the tracer after l is closed.
func startTrace(l link.Link, w io.Writer) (link.Link, *tracer) {
	t := &tracer{w: w, lines: make(chan tracedPacket, maxTraced)}
	medium := l.Info().Medium
	t.done.Go(t.write)
	return link.Trace(l, func(e link.Event) {
		p, ok := parsePacket(medium, &e.Packet)
		if !ok {
			return
		}
		select {
		case t.lines <- tracedPacket{e.Time, e.Direction, p}:
		default:
			t.skipped.Add(1)
		}
	}), t
}

func (t *tracer) write() {
	for p := range t.lines {
		if n := t.skipped.Swap(0); n > 0 {
			fmt.Fprintf(t.w, "(%d packets not shown)\n", n)
		}
		fmt.Fprintf(t.w, "%s %-8s %v\n", p.at.Format("15:04:05.000000"), p.direction, &p.packet)
	}
}

// stop ends the trace when all that waits is written.
func (t *tracer) stop() {
	close(t.lines)
	t.done.Wait()
}
