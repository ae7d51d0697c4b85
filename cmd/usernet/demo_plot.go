package main

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/usernet-go/usernet/internal/plot"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// A plotter is a tracer of one connection that keeps what a picture of it shows.
type plotter struct {
	mu     sync.Mutex
	events []tcp.Event
	lost   uint64 // events
}

// Trace is tcp.Tracer's.
func (p *plotter) Trace(_ tcp.Flow, events []tcp.Event, lost uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
	p.lost += lost
}

// curves are the series of the picture. Times are seconds since the first event,
// numbers those of bytes since the SYN.
type curves struct {
	start   time.Time
	iss     wire.Seq
	sending bool    // iss is known
	edge    float64 // farthest of the peer's window so far
	top     float64 // behind all that was sent

	sent, again, acked, window, sacked, lost, undone []plot.Point
	cwnd, ssthresh, flight                           []plot.Point
	rtt, srtt, rto                                   []plot.Point
}

// figure draws what was traced.
func (p *plotter) figure(title, note string) *plot.Figure {
	p.mu.Lock()
	defer p.mu.Unlock()
	var c curves
	for i := range p.events {
		c.take(&p.events[i])
	}
	if p.lost > 0 {
		note += fmt.Sprintf("\n%d events came faster than they could be kept, and are missing here.", p.lost)
	}
	end := 1e-6
	if n := len(c.acked); n > 0 { // what comes after that is the peer's text alone
		end += c.acked[n-1].X * 1.02
	}
	// One time for all three, so that they can be read across.
	at := plot.Axis{Label: "time", Unit: plot.Seconds, Max: end}
	return &plot.Figure{Title: title, Note: note, Panels: []plot.Panel{
		&plot.Chart{Title: "Sequence numbers", Height: 380, X: at, Y: plot.Axis{Label: "bytes since the SYN", Unit: plot.Bytes, Max: c.top * 1.04}, Series: []plot.Series{
			{Name: "peer's window", Style: plot.Steps, Color: plot.Orange, Thin: true, Points: c.window},
			{Name: "acknowledged", Style: plot.Steps, Color: plot.Green, Points: c.acked},
			{Name: "sent", Style: plot.Ranges, Color: plot.Blue, Points: c.sent},
			{Name: "SACK", Style: plot.Ranges, Color: plot.Purple, Points: c.sacked},
			{Name: "taken for lost", Style: plot.Crosses, Color: plot.Pink, Points: c.lost},
			{Name: "sent again", Style: plot.Ranges, Color: plot.Red, Bold: true, Points: c.again},
			{Name: "loss undone", Style: plot.Diamonds, Color: plot.Green, Points: c.undone},
		}},
		&plot.Chart{Title: "Window", Height: 130, X: at, Y: plot.Axis{Unit: plot.Bytes}, Series: []plot.Series{
			{Name: "in flight", Style: plot.Steps, Color: plot.Grey, Thin: true, Points: c.flight},
			{Name: "congestion window", Style: plot.Steps, Color: plot.Blue, Points: c.cwnd},
			{Name: "slow start threshold", Style: plot.Steps, Color: plot.Orange, Dashed: true, Points: c.ssthresh},
		}},
		&plot.Chart{Title: "Round trip", Height: 130, X: at, Y: plot.Axis{Unit: plot.Seconds, Log: true}, Series: []plot.Series{
			{Name: "sample", Style: plot.Dots, Color: plot.Cyan, Points: c.rtt},
			{Name: "smoothed", Style: plot.Steps, Color: plot.Blue, Points: c.srtt},
			{Name: "retransmission timeout", Style: plot.Steps, Color: plot.Orange, Dashed: true, Points: c.rto},
		}},
	}}
}

// take adds an event to the curves.
func (c *curves) take(e *tcp.Event) {
	if c.start.IsZero() {
		c.start = e.Time
	}
	x := e.Time.Sub(c.start).Seconds()
	switch s := &e.Segment; e.Kind {
	case tcp.EventSent:
		c.takeSent(x, s)
	case tcp.EventReceived:
		c.takeReceived(x, s)
	case tcp.EventLost:
		c.lost = append(c.lost, plot.Point{X: x, Y: c.number(e.Loss.From)})
	case tcp.EventUndo:
		if n := len(c.acked); n > 0 {
			c.undone = append(c.undone, plot.Point{X: x, Y: c.acked[n-1].Y})
		}
	case tcp.EventWindow:
		w := &e.Window
		c.cwnd = append(c.cwnd, plot.Point{X: x, Y: float64(w.Cwnd)})
		c.flight = append(c.flight, plot.Point{X: x, Y: float64(w.Flight)})
		threshold := float64(w.Ssthresh)
		if w.Ssthresh >= tcp.UnboundedThreshold {
			threshold = math.NaN()
		}
		c.ssthresh = append(c.ssthresh, plot.Point{X: x, Y: threshold})
	case tcp.EventRTT:
		c.rtt = append(c.rtt, plot.Point{X: x, Y: e.RTT.Sample.Seconds()})
		c.srtt = append(c.srtt, plot.Point{X: x, Y: e.RTT.SRTT.Seconds()})
		c.rto = append(c.rto, plot.Point{X: x, Y: e.RTT.RTO.Seconds()})
	}
}

// number is how far a sequence number lies behind the SYN's.
func (c *curves) number(n wire.Seq) float64 { return float64(n.Sub(c.iss)) }

func (c *curves) takeSent(x float64, s *tcp.SegmentEvent) {
	h := &s.Header
	if !c.sending {
		c.sending, c.iss = true, h.Seq
	}
	if s.Len == 0 && !h.Flags.Has(wire.SYN) && !h.Flags.Has(wire.FIN) {
		return
	}
	p := plot.Point{X: x, Y: c.number(h.Seq), Y2: c.number(h.Seq.Add(max(s.Len, 1)))}
	c.top = math.Max(c.top, p.Y2)
	if s.Again {
		c.again = append(c.again, p)
	} else {
		c.sent = append(c.sent, p)
	}
}

func (c *curves) takeReceived(x float64, s *tcp.SegmentEvent) {
	h := &s.Header
	if !h.Flags.Has(wire.ACK) || !c.sending {
		return
	}
	y := c.number(h.Ack)
	if n := len(c.acked); n == 0 || y > c.acked[n-1].Y {
		c.acked = append(c.acked, plot.Point{X: x, Y: y})
	}
	if edge := y + float64(s.Window); edge > c.edge {
		c.edge = edge
		c.window = append(c.window, plot.Point{X: x, Y: edge})
	}
	for _, b := range h.Options.SACK[:h.Options.NumSACK] {
		c.sacked = append(c.sacked, plot.Point{X: x, Y: c.number(b.Left), Y2: c.number(b.Right)})
	}
}
