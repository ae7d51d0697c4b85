package tcp_test

import (
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// RFC 9293, 3.10.7.4: each of the events of "SEGMENT ARRIVES" in each of the "other states", TIME-WAIT excepted, which has
// script_timewait_test.go.

// place is a state that a script has reached, and the numbers there, as a script has them.
type place struct {
	state    tcp.State
	una, nxt int // SND.UNA, SND.NXT
	rcv      int // RCV.NXT
	reach    func(*dialogue)
}

// at writes a segment of the peer with SEG.SEQ and SEG.ACK counted from RCV.NXT and SND.NXT.
func (p place) at(seq, ack int, rest string) string {
	return fmt.Sprintf("<SEQ=%d><ACK=%d>%s", uint32(p.rcv+seq), uint32(p.nxt+ack), rest)
}

// ack is "<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>".
func (p place) ack() string { return fmt.Sprintf("<SEQ=%d><ACK=%d><CTL=ACK>", p.nxt, p.rcv) }

var places = []place{
	{tcp.StateSynReceived, 99, 100, 300, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
	}},
	{tcp.StateEstablished, 100, 100, 300, (*dialogue).establish},
	{tcp.StateFinWait1, 100, 101, 300, func(s *dialogue) {
		s.establish()
		s.closeWrite()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "user closes")
	}},
	{tcp.StateFinWait2, 101, 101, 300, func(s *dialogue) {
		s.establish()
		s.closeWrite()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "user closes")
		s.send("<SEQ=300><ACK=101><CTL=ACK>", "FIN is acknowledged")
	}},
	{tcp.StateCloseWait, 100, 100, 301, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK>", "peer closes")
		s.want("<SEQ=100><ACK=301><CTL=ACK>", "FIN is acknowledged")
	}},
	{tcp.StateClosing, 100, 101, 301, func(s *dialogue) {
		s.establish()
		s.closeWrite()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "user closes")
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK>", "so does the peer")
		s.want("<SEQ=101><ACK=301><CTL=ACK>", "FIN is acknowledged")
	}},
	{tcp.StateLastAck, 100, 101, 301, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK>", "peer closes")
		s.want("<SEQ=100><ACK=301><CTL=ACK>", "FIN is acknowledged")
		s.closeWrite()
		s.want("<SEQ=100><ACK=301><CTL=FIN,ACK>", "user closes")
	}},
}

// inEach runs a script in each state but those left out.
func inEach(t *testing.T, without []tcp.State, f func(*dialogue, place)) {
	t.Helper()
	for _, p := range places {
		t.Run(p.state.String(), func(t *testing.T) {
			for _, w := range without {
				if w == p.state {
					return
				}
			}
			script(t, setup{}, func(s *dialogue) {
				p.reach(s)
				s.state(p.state)
				f(s, p)
			})
		})
	}
}

func TestUnacceptableSegmentInEachState(t *testing.T) {
	inEach(t, nil, func(s *dialogue, p place) {
		s.send(p.at(-10, 0, "<CTL=ACK><DATA=10>"), "SEG.SEQ+SEG.LEN-1 < RCV.NXT")
		s.want(p.ack(), "if an incoming segment is not acceptable, an acknowledgment should be sent")
		s.state(p.state)
		s.send(p.at(-10, 0, "<CTL=RST><DATA=10>"), "the same with RST")
		s.idle("unless the RST bit is set")
		s.dropped(tcp.ReasonRSTOutOfWindow)
		s.state(p.state)
	})
}

// RFC 9293, 3.10.7.4, second: "check the RST bit".
func TestResetInEachState(t *testing.T) {
	inEach(t, nil, func(s *dialogue, p place) {
		s.send(p.at(1, 0, "<CTL=RST>"), "in the window, but not at RCV.NXT")
		s.want(p.ack(), "challenge ACK")
		s.dropped(tcp.ReasonRSTInWindow)
		s.state(p.state)
		s.send(p.at(0, 0, "<CTL=RST>"), "at RCV.NXT")
		switch p.state {
		case tcp.StateSynReceived:
			s.state(tcp.StateListen) // came from there
		case tcp.StateClosing, tcp.StateLastAck:
			// "enter the CLOSED state, delete the TCB, and return": nobody need be told.
			s.state(tcp.StateClosed)
		default:
			s.ended(tcp.ErrReset)
		}
		s.advance(1000 * s.cfg.MaxRTO)
		s.idle("nothing is left of the connection")
	})
}

func TestResetWithText(t *testing.T) {
	// RFC 9293 SHLD-2
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=RST,ACK><DATA=20>", "RST with text that explains it")
		s.ended(tcp.ErrReset)
		s.readFails(tcp.ErrReset, "that text is not delivered")
	})
}

// RFC 9293, 3.10.7.4, fourth: "check the SYN bit".
func TestSYNInEachState(t *testing.T) {
	inEach(t, []tcp.State{tcp.StateSynReceived}, func(s *dialogue, p place) {
		for _, seq := range []int{0, 100, -1, 1 << 30} {
			s.advance(1000 * ms)
			s.skip("FIN is sent again")
			s.send(p.at(seq, 0, "<CTL=SYN,ACK>"), "SYN, irrespective of the sequence number")
			s.want(p.ack(), "challenge ACK")
			s.state(p.state)
		}
	})
	// "If the connection was initiated with a passive OPEN, then return this connection to the LISTEN state and return."
	script(t, setup{}, func(s *dialogue) {
		places[0].reach(s)
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "SYN again: before the window")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "our answer was lost: it is sent again, which is also an acknowledgment")
		s.send("<SEQ=310><CTL=SYN>", "another SYN, in the window")
		s.state(tcp.StateListen)
	})
}

// RFC 9293, 3.10.7.4, fifth: "if the ACK bit is off, drop the segment and return".
func TestNoACKInEachState(t *testing.T) {
	inEach(t, nil, func(s *dialogue, p place) {
		s.send(fmt.Sprintf("<SEQ=%d><CTL=FIN><DATA=10>", p.rcv), "text and FIN without ACK")
		s.idle("dropped")
		s.dropped(tcp.ReasonNoACK)
		s.state(p.state)
		s.readFailsUnlessText()
	})
}

// readFailsUnlessText checks that nothing can be read.
func (s *dialogue) readFailsUnlessText() {
	s.Helper()
	b := make([]byte, 1)
	if n, _ := s.conn.Read(s.now, b); n != 0 {
		s.Fatalf("Read returns text")
	}
}

// RFC 5961, 5.2: "All incoming segments whose ACK value doesn't satisfy the above condition MUST be discarded and an ACK
// sent back."
func TestACKOfUnsentInEachState(t *testing.T) {
	inEach(t, []tcp.State{tcp.StateSynReceived}, func(s *dialogue, p place) {
		s.send(p.at(0, 1, "<CTL=ACK>"), "SEG.ACK > SND.NXT")
		s.want(p.ack(), "send an ACK, drop the segment")
		s.dropped(tcp.ReasonUnacceptableACK)
		s.state(p.state)
		if p.state == tcp.StateEstablished || p.state == tcp.StateFinWait1 || p.state == tcp.StateFinWait2 {
			s.send(p.at(0, 1, "<CTL=ACK><DATA=10>"), "SEG.ACK > SND.NXT, with text")
			s.want(p.ack(), "send an ACK, drop the segment")
			s.readFailsUnlessText()
			s.send(p.at(0, -70000, "<CTL=ACK><DATA=10>"), "SEG.ACK < SND.UNA - MAX.SND.WND")
			s.want(p.ack(), "send an ACK, drop the segment")
			s.readFailsUnlessText()
		}
	})
}

// RFC 9293, 3.10.7.4, seventh: "process the segment text".
func TestTextInEachState(t *testing.T) {
	inEach(t, nil, func(s *dialogue, p place) {
		s.send(p.at(0, p.una-p.nxt, "<CTL=PSH,ACK><DATA=10>"), "text in the window")
		switch p.state {
		case tcp.StateEstablished, tcp.StateFinWait1, tcp.StateFinWait2:
			s.read(10)
			s.advance(500 * ms)
			p.rcv += 10
			s.want(p.ack(), "acknowledge the receipt of the data")
			s.skip("FIN is sent again")
		case tcp.StateSynReceived:
			// una is not acceptable there.
			s.want("<SEQ=99><CTL=RST>", "unacceptable ACK")
			s.readFailsUnlessText()
		default:
			s.skip("it may be told that it is behind the FIN")
			s.dropped(tcp.ReasonTextAfterFIN)
			s.readFailsUnlessText()
			s.state(p.state)
		}
	})
}

// RFC 9293, 3.10.7.4, eighth: "check the FIN bit".
func TestFINInEachState(t *testing.T) {
	next := map[tcp.State]tcp.State{
		tcp.StateSynReceived: tcp.StateCloseWait,
		tcp.StateEstablished: tcp.StateCloseWait,
		tcp.StateFinWait1:    tcp.StateTimeWait, // our FIN is acknowledged in this segment
		tcp.StateFinWait2:    tcp.StateTimeWait,
		tcp.StateCloseWait:   tcp.StateCloseWait,
		tcp.StateClosing:     tcp.StateTimeWait,
		tcp.StateLastAck:     tcp.StateClosed,
	}
	inEach(t, nil, func(s *dialogue, p place) {
		s.send(p.at(0, 0, "<CTL=FIN,ACK>"), "FIN, and an ACK for all that was sent")
		s.state(next[p.state])
		switch p.state {
		case tcp.StateSynReceived, tcp.StateEstablished, tcp.StateFinWait1, tcp.StateFinWait2:
			s.want(fmt.Sprintf("<SEQ=%d><ACK=%d><CTL=ACK>", p.nxt, p.rcv+1), "send an acknowledgment for the FIN")
		default:
			s.skip("a second FIN, behind the first: it may be told so")
		}
	})
	// The states of a FIN that does not acknowledge ours.
	script(t, setup{}, func(s *dialogue) {
		places[2].reach(s)
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK>", "FIN that does not acknowledge ours")
		s.want("<SEQ=101><ACK=301><CTL=ACK>", "send an acknowledgment for the FIN")
		s.state(tcp.StateClosing)
		s.send("<SEQ=301><ACK=100><CTL=ACK>", "nothing new in CLOSING")
		s.state(tcp.StateClosing)
		s.send("<SEQ=301><ACK=101><CTL=ACK>", "our FIN is acknowledged")
		s.state(tcp.StateTimeWait)
	})
	script(t, setup{}, func(s *dialogue) {
		places[6].reach(s)
		s.send("<SEQ=301><ACK=100><CTL=ACK>", "nothing new in LAST-ACK")
		s.state(tcp.StateLastAck)
		s.send("<SEQ=301><ACK=101><CTL=ACK>", "our FIN is acknowledged")
		s.ended(nil)
	})
	// Nothing comes behind a FIN, be it known or not yet in order.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=310><ACK=100><CTL=FIN,ACK>", "FIN alone, and a gap of 10 before it")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
		s.send("<SEQ=305><ACK=100><CTL=ACK><DATA=20>", "text beyond the FIN")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
		s.dropped(tcp.ReasonTextAfterFIN)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "the gap")
		s.want("<SEQ=100><ACK=311><CTL=ACK>", "all is acknowledged")
		s.read(10)
		s.end()
	})
	// A FIN beyond a gap is kept until the gap is filled.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=310><ACK=100><CTL=FIN,ACK><DATA=10>", "text and FIN, and a gap of 10 before them")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
		s.state(tcp.StateEstablished)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "the gap")
		s.want("<SEQ=100><ACK=321><CTL=ACK>", "all is acknowledged, FIN too")
		s.state(tcp.StateCloseWait)
		s.read(20)
		s.end()
	})
}
