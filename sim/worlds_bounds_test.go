package sim_test

import (
	"slices"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// watch looks at the hosts now and then.
func (w *randomWorld) watch() {
	r := w.draw("watch")
	go func() {
		for range 40 {
			select {
			case <-time.After(between[time.Duration](r, 1e6, 30e9) &^ 1):
			case <-w.ended:
				return
			}
			for _, h := range w.hosts {
				w.look(h)
			}
		}
	}()
}

// look checks what a host holds at an instant.
func (w *randomWorld) look(h *worldHost) {
	if n := h.Stats().Connections; h.maxConns > 0 && n > h.maxConns {
		w.errorf("%v has %d connections, of %d", h, n, h.maxConns)
	}
	for _, c := range h.Connections() {
		switch {
		case c.Network != "tcp":
		case c.State == tcp.StateListen:
			if c.RecvQ > c.SendQ {
				w.errorf("%v: %d wait for Accept, of %d: %v", h, c.RecvQ, c.SendQ, c)
			}
		case c.RecvQ > h.receive || c.SendQ > h.send+1:
			w.errorf("%v holds more than %d and %d bytes: %v", h, h.receive, h.send, c)
		}
	}
}

// cleanDrops are why hosts drop packets though nothing is lost, late, corrupt or sent
// twice.
var cleanDrops = []string{
	// A tail loss probe that was faster than the answer.
	"TCP duplicate text",
	// What is for others, on a network where all hear it.
	"ARP target is another host", "ND message that nobody waits for", "group not joined",
	"destination is another host", "frame for another station",
	// A host with two interfaces in one network hears itself.
	"own address claimed by another host", "source is an own address",
	// Applications that leave early, come late, or call on nobody.
	"TCP reset", "TCP segment of no connection", "TCP no connection", "TCP text after close", "TCP backlog full",
	"UDP port closed", "ICMP error about no flow", "neighbour does not answer",
	// Keepalives, and probes of a closed window.
	"TCP out of window", "TCP text beyond window",
}

// drops looks at what the hosts of a clean world have dropped.
func (w *randomWorld) drops() {
	for _, h := range w.hosts {
		for reason, n := range h.Stats().Drops {
			if !slices.Contains(cleanDrops, reason) {
				w.errorf("%v has dropped %d packets: %s", h, n, reason)
			}
		}
	}
}

// aftermath looks at what is left when all applications are done: nothing, once each
// connection had the time to end by itself.
func (w *randomWorld) aftermath() {
	w.storms()
	if w.clean {
		w.drops()
	}
	wait := lingerLimit
	for _, h := range w.hosts {
		wait = max(wait, lingerLimit+h.timeWait)
	}
	time.Sleep(wait)
	for _, h := range w.hosts {
		s := h.Stats()
		if left := h.Connections(); s.Connections != 0 || s.TimeWait != 0 || len(left) != 0 {
			w.errorf("%v has %d connections and %d in TIME-WAIT after all have ended: %v", h, s.Connections, s.TimeWait, left)
		}
	}
	before := w.packets()
	time.Sleep(time.Hour)
	if n := w.packets() - before; n > 0 {
		w.errorf("an idle network has sent %d packets in an hour", n)
	}
}

func (w *randomWorld) packets() (n uint64) {
	for _, h := range w.hosts {
		n += h.Stats().PacketsOut
	}
	return n
}

// storms compares what was sent with what there was to send.
func (w *randomWorld) storms() {
	var sent uint64
	for _, h := range w.hosts {
		sent += h.Stats().SegmentsOut
	}
	limit := uint64(20000)
	for _, k := range w.talks {
		for _, e := range []*end{&k.client, &k.server} {
			limit += uint64(8*e.wrote/500 + 6*(e.writes+e.reads) + 500)
		}
	}
	limit += 2 * uint64(time.Since(w.start)/time.Second) * uint64(len(w.talks))
	if sent > limit {
		w.errorf("%d segments were sent; %d are plenty", sent, limit)
	}
}
