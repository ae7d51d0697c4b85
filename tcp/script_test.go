package tcp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// A script is a dialogue between a peer, which is the test and speaks in segments, and one machine with its user:
//
//	s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "first segment of full size")
//	s.idle("an ACK waits for a second one")
//	s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "second segment of full size")
//	s.want("<SEQ=100><ACK=2300><CTL=ACK>", "each second segment is acknowledged")
//
// What the machine sends must be wanted, in its order, before the script goes on: a want also shows that nothing else was
// sent. A want compares what its notation has; where it leaves out window, urgent pointer, PSH or an option, any will do.
// A send that leaves out the window has that of the segment before. In a script with selective acknowledgments a want also
// shows which blocks there are: none where it has none.
//
// The machine's text begins at 100 and the peer's at 300, as in the figures of RFC 9293, and both send a known text, so
// that each byte that arrives is checked. Each script runs twice, the second time close to where numbers wrap.

// setup says what a script begins with. The zero value is a connection without options but MSS 1000 on both sides.
type setup struct {
	config     func(*tcp.Config)
	mss        int  // Params.MSS; 0: 1000
	peerMSS    int  // MSS option of the peer; 0: 1000, negative: it sends none
	window     int  // of the peer, before its scale; 0: 65535
	peerScale  int  // window scale of the peer, -1: sends none although we do
	scale      bool // both use window scale
	timestamps bool // both use timestamps
	sack       bool // both use selective acknowledgments
	tuned      bool // the send buffer finds its size; otherwise a user may write 1 MiB at once
	mixed      bool // one side offers timestamps, the other does not
	maxSegment int  // Params.MaxSegment
}

const (
	ms = time.Millisecond

	machineText, peerText = 100, 300 // sequence numbers of the first bytes
)

var (
	epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	start = epoch.Add(time.Hour) // of each script
)

// script runs f twice, with low sequence numbers and with some that wrap within the first few hundred bytes.
func script(t *testing.T, o setup, f func(*dialogue)) {
	t.Helper()
	for _, base := range []struct {
		name          string
		machine, peer tcp.Seq
		ts            uint32
	}{{"low numbers", 0, 0, 0}, {"numbers that wrap", 1<<32 - 1000, 1<<32 - 800, 1<<32 - 1010}} {
		t.Run(base.name, func(t *testing.T) {
			s := &dialogue{T: t, setup: o, machineBase: base.machine, peerBase: base.peer, tsBase: base.ts, now: start}
			s.init()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the dialogue was:\n%s", strings.Join(s.log, "\n"))
				}
			})
			f(s)
			s.nothingElse("the script is over")
		})
	}
}

// dialogue is a script that runs.
type dialogue struct {
	*testing.T
	setup
	machineBase, peerBase tcp.Seq // added to the numbers of a script

	cfg    tcp.Config
	conn   tcp.Conn
	now    time.Time
	log    []string
	unseen []heard    // sent by the machine, not wanted yet
	last   heard      // the last one that was wanted
	reason tcp.Reason // of the last send

	window               uint16  // of the peer's last segment
	edge                 tcp.Seq // right edge of the peer's window, the farthest ever
	ours                 tcp.Seq // right edge of the machine's window
	haveEdge, haveOurs   bool
	ourScale, theirScale uint8
	tsRecent             uint32 // TSval of the machine's last segment
	tsAt                 time.Time
	defaultMSS           int      // that the peer is taken to have when it sends none
	segmentSize          int      // of the peer's next segment
	codepoint            wire.ECN // with which the peer's next segment arrives
	bare                 bool     // the peer's next segment has no timestamps
	tsBase               uint32   // of the peer's timestamps
	written, consumed    int      // bytes that the user has written and read
}

// heard is a segment that the machine sent, and when.
type heard struct {
	tcp.Segment
	at time.Time
}

func (s *dialogue) init() {
	// RFC 5681's window, since a script says what is sent when.
	reno, _ := tcp.LookupAlgorithm("reno")
	s.cfg = tcp.Config{
		Congestion: reno,
		Epoch:      epoch, NoTimestamps: !s.timestamps, NoWindowScale: !s.scale, NoSACK: !s.sack,
		QuickACKs: -1, // all ACKs are delayed alike
		NoECN:     true,
	}
	if s.setup.config != nil {
		s.setup.config(&s.cfg)
	}
	s.cfg = s.cfg.WithDefaults()
	if s.mss == 0 {
		s.mss = 1000
	}
	if s.peerMSS == 0 {
		s.peerMSS = 1000
	}
	s.window = 65535
	if s.setup.window != 0 {
		s.window = uint16(s.setup.window)
	}
	s.conn.Init(&s.cfg, tcp.Params{ISS: s.machineBase.Add(machineText - 1), MSS: s.mss, MaxSegment: s.maxSegment, TSOffset: s.tsBase})
	if !s.tuned {
		s.conn.SetSendBuffer(s.now, 1<<20)
	}
}

// establish opens the connection from the peer's side; see setup.
func (s *dialogue) establish() {
	s.Helper()
	s.establishOver(0)
}

// establishOver is establish on a path with that round trip.
func (s *dialogue) establishOver(rtt time.Duration) {
	s.Helper()
	s.conn.OpenPassive()
	s.send("<SEQ=299><CTL=SYN>"+s.synOptions(), "peer opens")
	s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
	s.advance(rtt)
	s.send("<SEQ=300><ACK=100><CTL=ACK>", "three-way handshake")
	s.state(tcp.StateEstablished)
}

// synOptions returns the options of the peer's SYN in notation.
func (s *dialogue) synOptions() string {
	var o string
	if s.peerMSS > 0 {
		o += fmt.Sprintf("<MSS=%d>", s.peerMSS)
	}
	if s.scale && s.peerScale >= 0 {
		o += fmt.Sprintf("<WS=%d>", s.peerScale)
	}
	if s.sack {
		o += "<SACKOK>"
	}
	return o
}

// parse reads the notation of a script and moves its numbers to where this run has them.
func (s *dialogue) parse(notation string, fromPeer bool) (wire.TCP, int) {
	s.Helper()
	h, n, err := wire.ParseNotation(notation)
	if err != nil {
		s.Fatalf("script has %s: %v", notation, err)
	}
	from, to := s.machineBase, s.peerBase
	if fromPeer {
		from, to = to, from
	}
	if h.Seq != 0 || !h.Flags.Has(wire.RST|wire.ACK) { // a reset for a segment without ACK has the number 0
		h.Seq += from
	}
	if h.Flags.Has(wire.ACK) {
		h.Ack += to
	}
	moveBlocks(&h, to)
	return h, n
}

// show writes a segment with the numbers that the script has for it.
func (s *dialogue) show(h wire.TCP, n int, fromPeer bool) string {
	from, to := s.machineBase, s.peerBase
	if fromPeer {
		from, to = to, from
	}
	if h.Seq != 0 || !h.Flags.Has(wire.RST|wire.ACK) {
		h.Seq -= from
	}
	if h.Flags.Has(wire.ACK) {
		h.Ack -= to
	}
	moveBlocks(&h, -to)
	return h.NotationVerbose(n)
}

// moveBlocks adds by to the numbers of SACK blocks.
func moveBlocks(h *wire.TCP, by tcp.Seq) {
	for i := range h.Options.SACK[:h.Options.NumSACK] {
		h.Options.SACK[i].Left += by
		h.Options.SACK[i].Right += by
	}
}

func (s *dialogue) logf(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%12v  ", s.now.Sub(start))+fmt.Sprintf(format, args...))
}

// send sends a segment of the peer.
func (s *dialogue) send(notation, why string) {
	s.Helper()
	s.nothingElse("before " + notation + ": " + why)
	s.receive(notation, why)
	s.drain()
}

// sendTogether sends segments that arrive in one batch: the machine may answer when it has them all.
func (s *dialogue) sendTogether(why string, notations ...string) {
	s.Helper()
	s.nothingElse("before " + why)
	for _, n := range notations {
		s.receive(n, why)
	}
	s.drain()
}

func (s *dialogue) receive(notation, why string) {
	s.Helper()
	h, n := s.parse(notation, true)
	if n == wire.TextUnknown {
		s.Fatalf("script sends %s, which does not say how many bytes", notation)
	}
	switch {
	case strings.Contains(notation, "<WND="):
		s.window = h.Window
	default:
		h.Window = s.window
	}
	if s.timestamps && !h.Options.HasTimestamps && !h.Flags.Has(wire.RST) && !s.bare {
		h.Options.HasTimestamps, h.Options.TSVal, h.Options.TSEcr = true, s.peerClock(), s.tsRecent
	}
	if h.Flags.Has(wire.ACK) && !h.Flags.Has(wire.RST) {
		edge := h.Ack.Add(int(h.Window) << s.peerShift(h))
		if !s.haveEdge || s.edge.Less(edge) {
			s.edge, s.haveEdge = edge, true
		}
	}
	s.logf("--> %s  %s", s.show(h, n, true), why)
	seg := tcp.Segment{TCP: h, Len: n, SegmentSize: s.segmentSize, ECN: s.codepoint}
	s.segmentSize, s.bare, s.codepoint = 0, false, wire.NotECT
	if n > 0 {
		first := h.Seq.Sub(s.peerBase.Add(peerText))
		if h.Flags.Has(wire.SYN) {
			first++
		}
		lent := text(first, n)
		seg.Text = [][]byte{lent[:n/3], lent[n/3:]} // what is lent need not be contiguous,
		defer clear(lent)                           // and is lent for the call only
	}
	s.reason = s.conn.Receive(s.now, &seg)
}

// text returns n bytes of what both sides send, from offset first on.
func text(first, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		at := first + i
		b[i] = byte(at ^ at>>8*7)
	}
	return b
}

// peerClock is the peer's timestamp clock, in milliseconds.
func (s *dialogue) peerClock() uint32 {
	return s.tsBase + uint32(s.now.Sub(start)/ms) + 1000
}

// peerShift returns how far the window of a peer's segment is shifted.
func (s *dialogue) peerShift(h wire.TCP) uint8 {
	if h.Flags.Has(wire.SYN) {
		return 0
	}
	return s.theirScale
}

// segment is the notation of a segment of text, or of a bare ACK.
func segment(seq, ack, n int) string {
	s := fmt.Sprintf("<SEQ=%d><ACK=%d><CTL=ACK>", seq, ack)
	if n > 0 {
		s += fmt.Sprintf("<DATA=%d>", n)
	}
	return s
}
