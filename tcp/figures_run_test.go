package tcp_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// RFC 9293, 3.5: "Each line is numbered for reference purposes. Right arrows (-->) indicate departure of a TCP segment
// from TCP Peer A to TCP Peer B or arrival of a segment at B from A. Left arrows (<--) indicate the reverse. Ellipses
// (...) indicate a segment that is still in the network (delayed). Comments appear in parentheses. TCP connection states
// represent the state AFTER the departure or arrival of the segment [...]"
//
// runFigure reads a figure in just this way. It holds each segment that departs against the one that is printed, delivers
// what the machine really sent, and compares the states on both sides of each line. What the machines send beyond the
// figure is an error.
func runFigure(t *testing.T, f figure) {
	t.Helper()
	r := &figureRun{T: t, figure: f, now: start, lines: parseFigure(t, f)}
	r.a, r.b = &figurePeer{name: "TCP Peer A"}, &figurePeer{name: "TCP Peer B"}
	r.begin()
	for r.at = range r.lines {
		r.line(r.lines[r.at])
	}
	for _, p := range []*figurePeer{r.a, r.b} {
		for {
			seg, ok := p.next(r.now)
			if !ok {
				break
			}
			if f.answered && seg.Flags == wire.ACK && seg.Len == 0 {
				continue
			}
			t.Errorf("figure is over, but %s sends %s", p.name, seg.Notation(seg.Len))
		}
		if len(p.underway) > 0 {
			t.Errorf("figure is over, and %d segments of %s are still in the network", len(p.underway), p.name)
		}
	}
	if r.duplicates != 0 {
		t.Errorf("%d old duplicates did not arrive", r.duplicates)
	}
}

// figurePeer is a peer of a figure: a machine, or nothing where no connection exists.
type figurePeer struct {
	name     string
	conn     *tcp.Conn
	iss      tcp.Seq
	replies  []figureSent // resets for segments that found no connection
	sent     []figureSent
	underway []figureSent // has left, is still in the network
}

// figureSent is a segment that has left a machine, with its text.
type figureSent struct {
	tcp.Segment
	text []byte
}

func (p *figurePeer) state() tcp.State {
	if p.conn == nil {
		return tcp.StateClosed
	}
	return p.conn.State()
}

// next returns the next segment that the peer sends.
func (p *figurePeer) next(now time.Time) (figureSent, bool) {
	if len(p.replies) > 0 {
		s := p.replies[0]
		p.replies = p.replies[1:]
		return s, true
	}
	var s figureSent
	if p.conn == nil || !p.conn.Next(now, &s.Segment) {
		return s, false
	}
	for _, piece := range s.Segment.Text {
		s.text = append(s.text, piece...)
	}
	s.Segment.Text = [][]byte{s.text}
	p.conn.Returned()
	return s, true
}

// receive hands a segment to the peer. RFC 9293, 3.10.7.1: where no connection exists the answer is a reset.
func (p *figurePeer) receive(now time.Time, s figureSent) {
	if p.state() != tcp.StateClosed {
		p.conn.Receive(now, &s.Segment)
		return
	}
	var reset figureSent
	if tcp.ResetFor(&s.Segment, &reset.Segment) {
		p.replies = append(p.replies, reset)
	}
}

// figureRun is a figure being run.
type figureRun struct {
	*testing.T
	figure
	lines []figureLine
	at    int // index of the present line
	now   time.Time
	a, b  *figurePeer
}

// figureConfig is that of both peers: without timestamps and window scale, which the figures know nothing of, and with
// ACKs that wait, so that a figure may end before they are due.
var figureConfig = tcp.Config{Epoch: epoch, NoECN: true, NoTimestamps: true, NoWindowScale: true, QuickACKs: -1}.WithDefaults()

// begin brings both peers to where the first line has them.
func (r *figureRun) begin() {
	first := r.lines[0]
	established := first.a == "ESTABLISHED" || first.a == "(REBOOT)"
	if !established {
		for _, p := range []*figurePeer{r.a, r.b} {
			if r.column(p, first) == "LISTEN" {
				r.open(p)
				p.conn.OpenPassive()
			}
		}
		return
	}
	// The numbers at which the figure picks an established connection up stand in its first segment that has an ACK.
	for _, l := range r.lines {
		if l.seg.Flags.Has(wire.ACK) {
			r.a.iss, r.b.iss = l.seg.Seq.Add(-1), l.seg.Ack.Add(-1)
			if l.left == "<--" {
				r.a.iss, r.b.iss = r.b.iss, r.a.iss
			}
			break
		}
	}
	for _, p := range []*figurePeer{r.a, r.b} {
		p.conn = new(tcp.Conn)
		p.conn.Init(&figureConfig, tcp.Params{ISS: p.iss, MSS: 1460})
	}
	r.a.conn.OpenActive(r.now)
	r.b.conn.OpenPassive()
	for from, to := r.a, r.b; ; from, to = to, from {
		s, ok := from.next(r.now)
		if !ok {
			break
		}
		to.receive(r.now, s)
	}
	if r.a.state() != tcp.StateEstablished || r.b.state() != tcp.StateEstablished {
		r.Fatalf("before the first line the peers are %v and %v, want both ESTABLISHED", r.a.state(), r.b.state())
	}
}

// open gives the peer a machine, with the initial sequence number that its next SYN has in the figure.
func (r *figureRun) open(p *figurePeer) {
	iss := tcp.Seq(9000)
	for _, l := range r.lines[r.at:] {
		if l.seg.Flags.Has(wire.SYN) && (p == r.a && l.left == "-->" || p == r.b && l.right == "<--") {
			iss = l.seg.Seq
			break
		}
	}
	p.conn = new(tcp.Conn)
	p.conn.Init(&figureConfig, tcp.Params{ISS: iss, MSS: 1460})
}

// column returns what a line has beside a peer.
func (r *figureRun) column(p *figurePeer, l figureLine) string {
	if p == r.a {
		return l.a
	}
	return l.b
}

func (r *figureRun) fail(format string, args ...any) {
	r.Helper()
	r.Fatalf("%s\n\t"+format, append([]any{r.lines[r.at].text}, args...)...)
}

// line runs a line: what the users do, the segment's departure, its arrival, and the states after them.
func (r *figureRun) line(l figureLine) {
	r.Helper()
	duplicate := false
	for _, p := range []*figurePeer{r.a, r.b} {
		switch r.column(p, l) {
		case "(Close)":
			if err := p.conn.Close(r.now); err != nil {
				r.fail("%s: Close: %v", p.name, err)
			}
		case "(REBOOT)":
			p.conn = nil
		case "(2 MSL)":
			r.twoMSL(p)
		case "(duplicate)":
			duplicate = true
		}
	}
	switch l.left + l.right {
	case "-->-->", "-->...":
		r.depart(r.a, l)
	case "<--<--":
		r.depart(r.b, l)
	}
	switch l.left + l.right {
	case "-->-->", "...-->":
		// An arrow at the end that points to nothing leaves open what becomes of the segment.
		if l.b != "" || l.left == "..." {
			r.arrive(r.a, r.b, l, duplicate)
		} else {
			r.a.underway = nil
		}
	case "<--<--":
		r.arrive(r.b, r.a, l, duplicate)
	}
	r.states(l)
}

// twoMSL lets a peer's TIME-WAIT pass: it must last as long as the configuration says, and no longer.
func (r *figureRun) twoMSL(p *figurePeer) {
	r.Helper()
	tw := p.conn.TimeWait()
	if got, want := tw.Deadline(), r.now.Add(figureConfig.TimeWait); !got.Equal(want) {
		r.fail("%s: TIME-WAIT ends after %v, want %v", p.name, got.Sub(r.now), want.Sub(r.now))
	}
	p.conn.Advance(p.conn.Deadline())
}

// depart takes the segment of the line from the peer that sends it, into the network.
func (r *figureRun) depart(p *figurePeer, l figureLine) {
	r.Helper()
	switch {
	case l.seg.Flags == wire.SYN && p.state() == tcp.StateClosed:
		r.open(p)
		p.conn.OpenActive(r.now)
	case l.textLen != 0:
		n := l.textLen
		if n == wire.TextUnknown {
			n = 5
		}
		if got, err := p.conn.Write(r.now, make([]byte, n)); got != n || err != nil {
			r.fail("Write returns %d, %v", got, err)
		}
	}
	for _, s := range p.sent {
		if r.same(&s, l) { // sent before: this one is a retransmission
			r.now = p.conn.Deadline()
			p.conn.Advance(r.now)
			break
		}
	}
	s, ok := p.next(r.now)
	if !ok {
		r.fail("%s sends nothing", p.name)
	}
	if !r.same(&s, l) {
		r.fail("%s sends %s", p.name, s.Notation(s.Len))
	}
	p.sent, p.underway = append(p.sent, s), append(p.underway, s)
}

// same says that a segment is the one that the line shows. "Other fields such as window, addresses, lengths, and text
// have been left out in the interest of clarity", and so is PSH.
func (r *figureRun) same(s *figureSent, l figureLine) bool {
	return s.Seq == l.seg.Seq && s.Flags&^wire.PSH == l.seg.Flags &&
		(!s.Flags.Has(wire.ACK) || s.Ack == l.seg.Ack) &&
		(s.Len == l.textLen || s.Len > 0 && l.textLen == wire.TextUnknown)
}

// arrive takes the segment of the line out of the network and hands it to the peer that it is for.
func (r *figureRun) arrive(from, to *figurePeer, l figureLine, duplicate bool) {
	r.Helper()
	wasListening := to.state() == tcp.StateListen
	for i, s := range from.underway {
		if r.same(&s, l) && !duplicate {
			from.underway = append(from.underway[:i:i], from.underway[i+1:]...)
			to.receive(r.now, s)
			r.relisten(to, wasListening)
			return
		}
	}
	if r.duplicates--; r.duplicates < 0 {
		r.fail("no such segment is in the network")
	}
	to.receive(r.now, figureSent{Segment: tcp.Segment{TCP: l.seg}})
	r.relisten(to, wasListening)
}

// relisten gives a peer that has returned to LISTEN the initial sequence number of its next SYN,ACK.
func (r *figureRun) relisten(p *figurePeer, wasListening bool) {
	if !wasListening && p.state() == tcp.StateListen {
		if s, ok := p.next(r.now); ok {
			r.fail("%s has returned to LISTEN, yet sends %s", p.name, s.Notation(s.Len))
		}
		r.open(p)
		p.conn.OpenPassive()
	}
}

var figureVariables = regexp.MustCompile(`^\(send (\d+),receive (\d+)\)$`)

// states compares the states of both peers, or what a comment says of them, with the line.
func (r *figureRun) states(l figureLine) {
	r.Helper()
	for _, p := range []*figurePeer{r.a, r.b} {
		text := r.column(p, l)
		switch text {
		case "", "(Close)", "(REBOOT)", "(2 MSL)", "(duplicate)", "(??)", "(!!)":
			continue
		case "(return to LISTEN!)":
			text = "LISTEN"
		case "(Abort!!)", "(ABORT!!)":
			if err := p.conn.Err(); err != tcp.ErrReset {
				r.fail("%s: user is told %v, want %v", p.name, err, tcp.ErrReset)
			}
			text = "CLOSED"
		}
		if m := figureVariables.FindStringSubmatch(text); m != nil {
			send, _ := strconv.Atoi(m[1])
			receive, _ := strconv.Atoi(m[2])
			if info := p.conn.Info(); info.SndNxt != tcp.Seq(send) || info.RcvNxt != tcp.Seq(receive) {
				r.fail("%s: SND.NXT is %d and RCV.NXT %d", p.name, info.SndNxt, info.RcvNxt)
			}
			continue
		}
		if got := p.state().String(); got != text {
			r.fail("%s is %s, want %s", p.name, got, text)
		}
	}
}
