package tcp_test

import (
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// Explicit congestion notification as RFC 3168 has it.

// withECN is a setup whose machine takes part in ECN.
func withECN(o setup) setup {
	config := o.config
	o.config = func(c *tcp.Config) {
		if config != nil {
			config(c)
		}
		c.NoECN = false
	}
	return o
}

// establishECN opens the connection from the peer's side, which offers what RFC 3168 has.
func (s *dialogue) establishECN() {
	s.Helper()
	s.conn.OpenPassive()
	s.send("<SEQ=299><CTL=SYN,ECE,CWR>"+s.synOptions(), "peer opens, and offers ECN")
	s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,ECE>", "RFC 3168, 6.1.1: it is accepted")
	s.codepointIs(wire.NotECT, "6.1.1: \"A host MUST NOT set ECT on SYN or SYN-ACK packets.\"")
	s.send("<SEQ=300><ACK=100><CTL=ACK>", "three-way handshake")
	s.state(tcp.StateEstablished)
	if mode := s.conn.Info().ECN; mode != tcp.ECNClassic {
		s.Fatalf("mode %v, want %v", mode, tcp.ECNClassic)
	}
}

// codepointIs says with which codepoint the segment that was wanted last has left.
func (s *dialogue) codepointIs(want wire.ECN, why string) {
	s.Helper()
	if s.last.ECN != want {
		s.Errorf("%s: codepoint %v, want %v", why, s.last.ECN, want)
	}
}

// sendMarked sends a segment of the peer that met congestion.
func (s *dialogue) sendMarked(notation, why string) {
	s.Helper()
	s.codepoint = wire.CE
	s.send(notation, why)
}

func TestECNAgreement(t *testing.T) {
	// RFC 9293 SHLD-8
	for _, tt := range []struct {
		syn, answer string
		mode        tcp.ECNMode
	}{
		{"SYN", "SYN,ACK", tcp.ECNNone},
		{"SYN,ECE,CWR", "SYN,ACK,ECE", tcp.ECNClassic},
	} {
		script(t, withECN(setup{}), func(s *dialogue) {
			s.conn.OpenPassive()
			s.send("<SEQ=299><CTL="+tt.syn+"><MSS=1000>", "peer opens")
			s.want("<SEQ=99><ACK=300><CTL="+tt.answer+">", "RFC 3168, 6.1.1")
			s.send("<SEQ=300><ACK=100><CTL=ACK>", "handshake completes")
			if mode := s.conn.Info().ECN; mode != tt.mode {
				t.Errorf("mode %v, want %v", mode, tt.mode)
			}
		})
	}
}

// What may be marked: new text, and nothing else.
func TestECNCapableSegments(t *testing.T) {
	script(t, withECN(setup{}), func(s *dialogue) {
		s.establishECN()
		s.write(2000)
		for _, seq := range []int{100, 1100} {
			s.want(segment(seq, 300, 1000), "new text")
			s.codepointIs(wire.ECT0, "RFC 3168, 6.1.2: \"ECT(0) SHOULD be used\"")
		}
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=100>", "text of the peer")
		s.advance(40 * ms)
		s.want(segment(2100, 400, 0), "its ACK")
		s.codepointIs(wire.NotECT, "6.1.4: \"pure acknowledgement packets [...] MUST be sent with the not-ECT codepoint\"")
		s.readText(100)
		s.wantAfter(160*ms, segment(100, 400, 1000), "text again")
		s.codepointIs(wire.NotECT, "6.1.5: \"MUST NOT set either ECT codepoint [...] for retransmitted data packets\"")
		s.send("<SEQ=400><ACK=2100><CTL=ACK><WND=0>", "all has arrived, and the window closes")
		s.write(1000)
		s.wantAfter(400*ms, "<SEQ=2100><ACK=400><CTL=ACK><DATA=1>", "window probe")
		s.codepointIs(wire.NotECT, "6.1.6: \"MUST NOT set either an ECT codepoint or the CWR bit on window probe packets\"")
	})
}

// RFC 3168, 6.1.3: marks are told in each ACK until the peer says that it has reacted.
func TestECNEcho(t *testing.T) {
	script(t, withECN(setup{}), func(s *dialogue) {
		s.establishECN()
		s.sendMarked(segment(300, 100, 1000), "a marked segment")
		s.want("<SEQ=100><ACK=1300><CTL=ACK,ECE>", "it is told of at once")
		s.send(segment(1300, 100, 1000), "a segment without a mark")
		s.send(segment(2300, 100, 1000), "and another")
		s.want("<SEQ=100><ACK=3300><CTL=ACK,ECE>", "\"continues to set the ECN-Echo flag in all the ACK packets it sends\"")
		s.write(500)
		s.want("<SEQ=100><ACK=3300><CTL=ACK,ECE><DATA=500>", "those with text among them")
		s.send("<SEQ=3300><ACK=600><CTL=ACK,CWR><DATA=1000>", "the peer has reduced its window")
		s.want("<SEQ=600><ACK=4300><CTL=ACK>", "\"until it receives a CWR packet\"")
		s.codepoint = wire.CE
		s.send("<SEQ=4300><ACK=600><CTL=ACK,CWR><DATA=1000>", "the peer has reduced its window, and this met congestion again")
		s.want("<SEQ=600><ACK=5300><CTL=ACK,ECE>", "\"the receiver would once again send ACK packets with the ECN-Echo flag set\"")
		s.readText(5000)
		if n := s.conn.Info().ReceivedCE; n != 2 {
			t.Errorf("%d marks received, want 2", n)
		}
	})
	script(t, withECN(setup{}), func(s *dialogue) {
		s.establishECN()
		s.segmentSize = 1000
		s.sendMarked(segment(300, 100, 4500), "a marked super-segment")
		s.want("<SEQ=100><ACK=4800><CTL=ACK,ECE>", "all of its segments were marked")
		if n := s.conn.Info().ReceivedCE; n != 5 {
			t.Errorf("%d marks received, want 5", n)
		}
		s.readText(4500)
	})
	script(t, withECN(setup{}), func(s *dialogue) {
		s.establishECN()
		s.sendMarked("<SEQ=300><ACK=100><CTL=ACK>", "a marked ACK without text")
		s.idle("6.1.4: nobody asks for a reaction")
		s.send(segment(300, 100, 1000), "text")
		s.readText(1000)
		s.sendMarked(segment(300, 100, 1000), "a marked segment outside of the window")
		s.want("<SEQ=100><ACK=1300><CTL=ACK>", "6.1.5: \"SHOULD ignore the CE codepoint on out-of-window packets\"")
	})
}

// RFC 3168, 6.1.2: a window is halved once for all marks in it.
func TestECNReaction(t *testing.T) {
	script(t, withECN(bulk(10)), func(s *dialogue) {
		s.establishECN()
		s.write(60000)
		s.wantSegments(100, 10, "initial window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK,ECE>", "the first was marked")
		if i := s.conn.Info(); i.Ssthresh != 5000 {
			t.Errorf("ssthresh %d, want half of the 10000 in flight", i.Ssthresh)
		}
		s.idle("the window is full")
		for ack := 2100; ack <= 10100; ack += 1000 {
			s.receive(fmt.Sprintf("<SEQ=300><ACK=%d><CTL=ACK,ECE>", ack), "the peer goes on telling")
			s.drain()
			// RFC 9937: the window shrinks within a round trip, in proportion to what arrives.
			if n, most := len(s.unseen), (ack-100)/2000; n > most {
				t.Errorf("%d segments were sent for %d that have arrived, want at most %d", n, (ack-100)/1000, most)
			}
		}
		s.want("<SEQ=10100><ACK=300><CTL=ACK,CWR><DATA=1000>", "\"the TCP sender sets the CWR flag in the TCP header of the first new data packet sent after the window reduction\"")
		s.codepointIs(wire.ECT0, "new text")
		for seq := 11100; seq < 15100; seq += 1000 {
			s.want(segment(seq, 300, 1000), "\"not [...] more than once every window of data\"")
			s.codepointIs(wire.ECT0, "new text")
		}
		if i := s.conn.Info(); i.Cwnd != 5000 || i.ECNReductions != 1 {
			t.Errorf("cwnd %d after %d reductions, want 5000 after 1", i.Cwnd, i.ECNReductions)
		}
		s.send("<SEQ=300><ACK=11100><CTL=ACK,ECE>", "what was sent after the reduction was marked")
		if i := s.conn.Info(); i.Ssthresh != 2500 || i.ECNReductions != 2 {
			t.Errorf("ssthresh %d after %d reductions, want 2500 after 2", i.Ssthresh, i.ECNReductions)
		}
		s.skip("what that makes room for")
	})
}

// RFC 3168, 6.1.2: "the TCP sender's congestion window should be reduced only once in response to a series of dropped
// and/or CE packets from a single window of data."
func TestECNAndLoss(t *testing.T) {
	for _, first := range []string{"mark", "loss"} {
		script(t, withECN(bulk(10)), func(s *dialogue) {
			s.establishECN()
			s.write(60000)
			s.wantSegments(100, 10, "initial window")
			flags := "ACK"
			if first == "mark" {
				flags = "ACK,ECE"
			}
			s.send("<SEQ=300><ACK=1100><CTL="+flags+">", "one is acknowledged")
			s.skip("what that makes room for")
			for range 3 {
				s.send("<SEQ=300><ACK=1100><CTL="+flags+">", "duplicate ACK")
				s.skip("limited transmit")
			}
			threshold := s.conn.Info().Ssthresh
			if first == "mark" && threshold != 5000 {
				t.Errorf("threshold %d, want 5000: the mark has halved the window already", threshold)
			}
			s.send("<SEQ=300><ACK=6100><CTL=ACK,ECE>", "a mark in the same window")
			s.skip("what that makes room for")
			if got := s.conn.Info().Ssthresh; got != threshold {
				t.Errorf("%s first: threshold %d, want %d as before", first, got, threshold)
			}
		})
	}
}

// RFC 3168, 6.1.2: "If the sending TCP [...] receives an ECN-Echo ACK packet [...] when the congestion window is one. The
// sending TCP will then be able to send a new packet only when the retransmit timer expires."
func TestECNLeastWindow(t *testing.T) {
	script(t, withECN(bulk(1)), func(s *dialogue) {
		s.establishECN()
		s.write(10000)
		s.want(segment(100, 300, 1000), "initial window")
		s.advance(100 * ms)
		for seq := 1100; seq <= 4100; seq += 1000 {
			s.send(fmt.Sprintf("<SEQ=300><ACK=%d><CTL=ACK,ECE>", seq), "it was marked")
			s.idle("the window is one segment, and stays so")
			i := s.conn.Info()
			if i.Cwnd != 1000 {
				t.Fatalf("window of %d bytes, want one segment", i.Cwnd)
			}
			s.wantAfter(i.RTO, fmt.Sprintf("<SEQ=%d><ACK=300><CTL=ACK,CWR><DATA=1000>", seq), "\"only when the retransmit timer expires\"")
			s.advance(100 * ms)
		}
		s.send(segment(300, 5100, 0), "this one was not marked")
		s.skip("slow start, without delay")
		if c := s.conn.Info().Cwnd; c != 2000 {
			t.Errorf("window of %d bytes, want two segments", c)
		}
	})
}

// A super-segment never says CWR: all of its segments would.
func TestECNSuperSegment(t *testing.T) {
	o := bulk(10)
	o.maxSegment = 8000
	script(t, withECN(o), func(s *dialogue) {
		s.establishECN()
		s.write(60000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=8000>", "super-segment")
		s.codepointIs(wire.ECT0, "all of it may be marked")
		s.want("<SEQ=8100><ACK=300><CTL=ACK><DATA=2000>", "the rest of the window")
		s.send("<SEQ=300><ACK=10100><CTL=ACK,ECE>", "marked")
		s.want("<SEQ=10100><ACK=300><CTL=ACK,CWR><DATA=1000>", "the first one alone")
		s.want("<SEQ=11100><ACK=300><CTL=ACK><DATA=4000>", "the others together")
	})
}

// A segment that the link gives back has not told the peer anything.
func TestECNUnsent(t *testing.T) {
	script(t, withECN(bulk(10)), func(s *dialogue) {
		s.establishECN()
		s.write(60000)
		s.wantSegments(100, 10, "initial window")
		s.receive("<SEQ=300><ACK=10100><CTL=ACK,ECE>", "marked")
		var seg tcp.Segment
		if !s.conn.Next(s.now, &seg) || !seg.Flags.Has(wire.CWR) {
			t.Fatalf("%s, want CWR", seg.Notation(seg.Len))
		}
		s.conn.Unsent(s.now, &seg)
		s.conn.Returned()
		s.drain()
		s.want("<SEQ=10100><ACK=300><CTL=ACK,CWR><DATA=1000>", "again, with CWR")
		s.wantSegments(11100, 4, "the rest of the window")
	})
}

// RFC 3168, 6.1.1.1: a peer that has heard no answer asks no longer.
func TestECNOfferWithdrawn(t *testing.T) {
	script(t, withECN(setup{}), func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN,ECE,CWR><MSS=1000>", "peer offers ECN")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,ECE>", "accepted")
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "again, without")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "\"(4) Host B: Sends a non-ECN-setup SYN/ACK.\"")
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "handshake completes")
		s.write(100)
		s.want(segment(100, 300, 100), "text")
		s.codepointIs(wire.NotECT, "\"neither Host A nor Host B may set the ECT bit on data packets\"")
		s.sendMarked(segment(300, 200, 1000), "marked all the same")
		s.want("<SEQ=200><ACK=1300><CTL=ACK,ECE>", "6.1.1: the commitment to tell of marks remains")
		s.readText(1000)
	})
}
