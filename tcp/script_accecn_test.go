package tcp_test

import (
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// More accurate ECN feedback: RFC 9768. "<CTL=ACK,ECE,AE>" has an ACE field of 5, with which each side begins to count.

// establishAccurate opens the connection from the peer's side, which asks for AccECN.
func (s *dialogue) establishAccurate() {
	s.Helper()
	s.conn.OpenPassive()
	s.send("<SEQ=299><CTL=SYN,ECE,CWR,AE>"+s.synOptions(), "peer opens, and asks for AccECN")
	s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR><ACCECN0=1,0,1>", "RFC 9768, Table 2: the SYN was Not-ECT; 3.2.3.2.1: an option")
	s.codepointIs(wire.NotECT, "a SYN,ACK")
	s.send("<SEQ=300><ACK=100><CTL=ACK,CWR><ACCECN0=1,0,1>", "Table 3: and so was the SYN,ACK")
	s.state(tcp.StateEstablished)
	s.mode(tcp.ECNAccurate)
}

func (s *dialogue) mode(want tcp.ECNMode) {
	s.Helper()
	if mode := s.conn.Info().ECN; mode != want {
		s.Fatalf("mode %v, want %v", mode, want)
	}
}

// aceNames has the flags of ACK with each ACE field.
var aceNames = [8]string{"ACK", "ACK,ECE", "ACK,CWR", "ACK,ECE,CWR", "ACK,AE", "ACK,ECE,AE", "ACK,CWR,AE", "ACK,ECE,CWR,AE"}

// counted is an ACK of the peer, or the machine, with a counter of packets, and what follows it.
func counted(seq, ack, packets int, rest string) string {
	return fmt.Sprintf("<SEQ=%d><ACK=%d><CTL=%s>%s", seq, ack, aceNames[packets%8], rest)
}

// RFC 9768, 3.1.1 and Table 2: what a server answers to each SYN, by its codepoint.
func TestAccurateServer(t *testing.T) {
	for _, tt := range []struct {
		syn       string
		codepoint wire.ECN
		answer    string
		mode      tcp.ECNMode
	}{
		{"SYN,ECE,CWR,AE", wire.NotECT, "SYN,ACK,CWR", tcp.ECNAccurate},
		{"SYN,ECE,CWR,AE", wire.ECT1, "SYN,ACK,ECE,CWR", tcp.ECNAccurate},
		{"SYN,ECE,CWR,AE", wire.ECT0, "SYN,ACK,AE", tcp.ECNAccurate},
		{"SYN,ECE,CWR,AE", wire.CE, "SYN,ACK,CWR,AE", tcp.ECNAccurate},
		{"SYN,ECE,CWR", wire.NotECT, "SYN,ACK,ECE", tcp.ECNClassic},
		{"SYN", wire.NotECT, "SYN,ACK", tcp.ECNNone},
		// 3.1.3: "any combination other than (0,0,0), (0,1,1), or (1,1,1)".
		{"SYN,AE", wire.NotECT, "SYN,ACK,CWR", tcp.ECNAccurate},
		{"SYN,CWR,AE", wire.NotECT, "SYN,ACK,CWR", tcp.ECNAccurate},
		{"SYN,ECE", wire.NotECT, "SYN,ACK,CWR", tcp.ECNAccurate},
	} {
		script(t, withECN(setup{}), func(s *dialogue) {
			s.conn.OpenPassive()
			s.codepoint = tt.codepoint
			s.send("<SEQ=299><CTL="+tt.syn+"><MSS=1000>", "peer opens")
			s.want("<SEQ=99><ACK=300><CTL="+tt.answer+">", "Table 2")
			s.mode(tt.mode)
		})
	}
}

// RFC 9768, Table 2: what a client makes of each answer, and Table 3: how it acknowledges it.
func TestAccurateClient(t *testing.T) {
	for _, tt := range []struct {
		answer    string
		codepoint wire.ECN // of the answer
		final     string
		mode      tcp.ECNMode
		text      wire.ECN
		cwnd      int
	}{
		{"SYN,ACK,CWR", wire.NotECT, "ACK,CWR", tcp.ECNAccurate, wire.ECT0, 10000},
		{"SYN,ACK,CWR", wire.ECT1, "ACK,ECE,CWR", tcp.ECNAccurate, wire.ECT0, 10000},
		{"SYN,ACK,CWR", wire.ECT0, "ACK,AE", tcp.ECNAccurate, wire.ECT0, 10000},
		{"SYN,ACK,CWR", wire.CE, "ACK,CWR,AE", tcp.ECNAccurate, wire.ECT0, 10000},
		// 3.1.3: "MUST enable AccECN mode [...] as if it fed back that the IP-ECN field on the SYN had arrived unchanged".
		{"SYN,ACK,ECE,AE", wire.NotECT, "ACK,CWR", tcp.ECNAccurate, wire.ECT0, 10000},
		// 3.2.2.3: "the Not-ECT codepoint changes": the path mangles, and nothing more is sent as ECN-capable.
		{"SYN,ACK,ECE,CWR", wire.NotECT, "ACK,CWR", tcp.ECNAccurate, wire.NotECT, 10000},
		{"SYN,ACK,AE", wire.NotECT, "ACK,CWR", tcp.ECNAccurate, wire.NotECT, 10000},
		// 3.2.2.2: "the TCP Client still triggers the congestion control actions".
		{"SYN,ACK,CWR,AE", wire.NotECT, "ACK,CWR", tcp.ECNAccurate, wire.NotECT, 2000},
		{"SYN,ACK,ECE", wire.NotECT, "ACK", tcp.ECNClassic, wire.ECT0, 10000},
		{"SYN,ACK", wire.NotECT, "ACK", tcp.ECNNone, wire.NotECT, 10000},
		{"SYN,ACK,ECE,CWR,AE", wire.NotECT, "ACK", tcp.ECNNone, wire.NotECT, 10000}, // "Broken"
	} {
		script(t, withECN(setup{}), func(s *dialogue) {
			s.conn.OpenActive(s.now)
			s.drain()
			s.want("<SEQ=99><CTL=SYN,ECE,CWR,AE>", "RFC 9768, 3.1.1: \"MUST set the TCP flags (AE,CWR,ECE) = (1,1,1) in the initial SYN\"")
			if s.last.Options.AccECN.Present {
				t.Error("3.2.3.2.1: \"The TCP Client MUST NOT include an AccECN TCP Option on the SYN.\"")
			}
			s.codepoint = tt.codepoint
			s.write(100)
			s.send("<SEQ=299><ACK=100><CTL="+tt.answer+"><MSS=1000>", "peer answers")
			if tt.mode == tcp.ECNAccurate {
				s.want("<SEQ=100><ACK=300><CTL="+tt.final+">", "3.2.2.1: \"it SHOULD first send a pure ACK\"")
				s.wantOption(true, "\"SHOULD include an AccECN Option in the first ACK\"")
			}
			flags := tt.final
			if tt.mode == tcp.ECNAccurate {
				if flags = "ACK,ECE,AE"; tt.codepoint == wire.CE {
					flags = "ACK,CWR,AE" // "incremented from 5 to 6"
				}
			}
			s.want("<SEQ=100><ACK=300><CTL="+flags+"><DATA=100>", "then the text")
			s.codepointIs(tt.text, "text")
			s.wantOption(tt.mode == tcp.ECNAccurate, "\"SHOULD also include an AccECN Option on the first data segment\"")
			s.mode(tt.mode)
			if w := s.conn.Info().Cwnd; w != tt.cwnd {
				t.Errorf("window %d, want %d", w, tt.cwnd)
			}
		})
	}
}

// wantOption says whether the segment that was wanted last has an AccECN option.
func (s *dialogue) wantOption(want bool, why string) {
	s.Helper()
	if got := s.last.Options.AccECN.Present; got != want {
		s.Errorf("AccECN option: %v, want %v: %s", got, want, why)
	}
}

// RFC 9768, 3.1.4.1: the third SYN asks for nothing.
func TestAccurateSYNLost(t *testing.T) {
	for _, tt := range []struct {
		answer string
		mode   tcp.ECNMode
		text   wire.ECN
	}{
		{"SYN,ACK", tcp.ECNNone, wire.NotECT},
		// "If a TCP Client has entered AccECN mode but then [...] receives a SYN/ACK with (AE,CWR,ECE) = (0,0,0), it is still
		// allowed to set ECT".
		{"SYN,ACK,CWR", tcp.ECNAccurate, wire.ECT0},
		// RFC 3168, 6.1.1: "MUST NOT set ECT on data packets unless it has [...] sent no non-ECN-setup SYN".
		{"SYN,ACK,ECE", tcp.ECNClassic, wire.NotECT},
	} {
		script(t, withECN(setup{}), func(s *dialogue) {
			s.conn.OpenActive(s.now)
			s.drain()
			s.want("<SEQ=99><CTL=SYN,ECE,CWR,AE>", "first")
			s.advance(1001 * ms)
			s.want("<SEQ=99><CTL=SYN,ECE,CWR,AE>", "\"attempt to negotiate the use of AccECN at least one more time\"")
			s.advance(2001 * ms)
			s.want("<SEQ=99><CTL=SYN>", "\"subsequent retransmissions of the SYN with the three TCP-ECN flags cleared\"")
			s.send("<SEQ=299><ACK=100><CTL="+tt.answer+"><MSS=1000>", "peer answers")
			s.skip("ACK")
			s.mode(tt.mode)
			s.write(100)
			s.want("<SEQ=100><ACK=300><CTL="+map[bool]string{true: "ACK,ECE,AE", false: "ACK"}[tt.mode == tcp.ECNAccurate]+"><DATA=100>", "text")
			s.codepointIs(tt.text, "text")
		})
	}
}

// RFC 9768, 3.2.3.2.2: a SYN,ACK that is not answered loses its option, then its flags; the mode stays.
func TestAccurateSYNACKLost(t *testing.T) {
	script(t, withECN(setup{}), func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN,ECE,CWR,AE><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR><ACCECN0=1,0,1>", "with an option")
		s.advance(1001 * ms)
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR>", "\"SHOULD retransmit the SYN/ACK, but with no AccECN Option\"")
		s.wantOption(false, "none")
		s.advance(2001 * ms)
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "\"SHOULD retransmit the SYN/ACK with (AE,CWR,ECE) = (0,0,0)\"")
		s.send("<SEQ=300><ACK=100><CTL=ACK,CWR>", "the peer has heard one of them")
		s.mode(tcp.ECNAccurate)
		s.write(100)
		s.want("<SEQ=100><ACK=300><CTL=ACK,ECE,AE><DATA=100>", "text")
		s.codepointIs(wire.NotECT, "3.1.5: \"MUST NOT set ECT on any packet for the rest of the connection\"")
		s.send(counted(300, 200, 6, ""), "a mark")
		if n := s.conn.Info().ECNReductions; n != 1 {
			t.Errorf("%d reductions, want 1: \"is still obliged to respond\"", n)
		}
	})
	script(t, withECN(setup{}), func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN,ECE,CWR,AE><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR>", "answer")
		s.sendMarked("<SEQ=299><CTL=SYN,ECE,CWR,AE><MSS=1000>", "again, marked")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR,AE>", "3.1.5: \"MUST feed back the IP-ECN field on the latest valid SYN\"")
		s.wantOption(false, "3.2.3.2.2: \"or if it receives a second SYN with a request for AccECN support\"")
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "again, without")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR>", "3.1.5: \"SHOULD acknowledge a valid SYN arriving with (AE,CWR,ECE) = (0,0,0) by emitting an AccECN SYN/ACK\"")
		s.send("<SEQ=300><ACK=100><CTL=ACK,CWR>", "handshake completes")
		s.write(100)
		s.want("<SEQ=100><ACK=300><CTL=ACK,ECE,AE><DATA=100>", "3.2.2.2: CE on a SYN is not counted")
		s.codepointIs(wire.NotECT, "3.1.5: the peer sent a SYN without an offer")
	})
}

// RFC 9768, 3.1.5: "MUST reset the connection with a RST packet".
func TestAccurateHandshakeDisagrees(t *testing.T) {
	for _, syns := range [][2]string{{"SYN,ECE,CWR,AE", "SYN,ECE,CWR"}, {"SYN,ECE,CWR", "SYN,ECE,CWR,AE"}} {
		script(t, withECN(setup{}), func(s *dialogue) {
			s.conn.OpenPassive()
			s.send("<SEQ=299><CTL="+syns[0]+"><MSS=1000>", "peer opens")
			s.skip("answer")
			s.send("<SEQ=299><CTL="+syns[1]+"><MSS=1000>", "and asks for another mode")
			s.want("<SEQ=0><ACK=300><CTL=RST,ACK>", "reset")
			s.state(tcp.StateListen)
		})
	}
}

// RFC 9768, Table 4: what a server makes of the ACK that ends the handshake.
func TestAccurateFinalACK(t *testing.T) {
	for _, tt := range []struct {
		ace  int
		text wire.ECN
		cwnd int
	}{
		{0, wire.NotECT, 10000}, {1, wire.ECT0, 10000}, {2, wire.ECT0, 10000}, {3, wire.NotECT, 10000},
		{4, wire.NotECT, 10000}, {5, wire.ECT0, 10000}, {6, wire.NotECT, 2000}, {7, wire.ECT0, 10000},
	} {
		script(t, withECN(setup{}), func(s *dialogue) {
			s.conn.OpenPassive()
			s.send("<SEQ=299><CTL=SYN,ECE,CWR,AE><MSS=1000>", "peer opens")
			s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR>", "answer")
			s.send(counted(300, 100, tt.ace, ""), "the peer's handshake completes")
			if w := s.conn.Info().Cwnd; w != tt.cwnd {
				t.Errorf("ACE %d: window %d, want %d", tt.ace, w, tt.cwnd)
			}
			s.write(100)
			s.want("<SEQ=100><ACK=300><CTL=ACK,ECE,AE><DATA=100>", "text")
			s.codepointIs(tt.text, fmt.Sprint("ACE ", tt.ace))
			before := s.conn.Info().ECNReductions
			s.send(counted(300, 200, 7, ""), "a mark, or two")
			if got := s.conn.Info().ECNReductions > before; got != (tt.ace != 0) {
				t.Errorf("ACE %d: a mark later makes a reaction: %v; \"MUST NOT respond to AccECN feedback\" if it was 0", tt.ace, got)
			}
		})
	}
}

// RFC 9768, 3.2: what arrives is counted, and each segment tells the counter.
func TestAccurateCounters(t *testing.T) {
	script(t, withECN(setup{}), func(s *dialogue) {
		s.establishAccurate()
		s.codepoint = wire.ECT0
		s.send(counted(300, 100, 5, "<DATA=1000>"), "ECT(0)")
		s.codepoint = wire.ECT0
		s.send(counted(1300, 100, 5, "<DATA=1000>"), "ECT(0)")
		s.want(counted(100, 2300, 5, "<ACCECN0=2001>"), "3.2.3.3: \"an AccECN0 TCP Option with only the EE0B field\"")
		s.sendMarked(counted(2300, 100, 5, "<DATA=500>"), "CE")
		s.want(counted(100, 2800, 6, "<ACCECN0=2001,500>"), "3.2.2.5.1: \"SHOULD emit an ACK whenever a data packet marked CE arrives after the previous packet was not CE\"")
		s.sendMarked(counted(2800, 100, 5, "<DATA=500>"), "CE")
		s.idle("one mark since the last ACK")
		s.sendMarked(counted(3300, 100, 5, "<DATA=500>"), "CE")
		s.want(counted(100, 3800, 8, "<ACCECN0=2001,1500>"), "\"if 'n' CE marks have arrived since the previous ACK\"; ACE wraps")
		s.codepoint = wire.ECT1
		s.send(counted(3800, 100, 5, "<DATA=1000>"), "ECT(1)")
		s.send(counted(4800, 100, 5, "<DATA=1000>"), "Not-ECT")
		s.want(counted(100, 5800, 8, "<ACCECN0=2001,1500,1001>"), "all that have ever changed")
		s.write(100)
		s.want(counted(100, 5800, 8, "<DATA=100>"), "nothing has changed")
		s.wantOption(false, "nothing has changed")
		s.sendMarked(counted(5800, 200, 5, ""), "CE on an ACK")
		s.sendMarked(counted(5800, 200, 5, ""), "CE on an ACK")
		s.idle("two marks without text")
		s.sendMarked(counted(5800, 200, 5, ""), "CE on an ACK")
		s.want(counted(200, 5800, 11, ""), "\"If there is no unacknowledged data at the receiver, 'n' SHOULD be 3\"")
		s.wantOption(false, "no bytes")
		if i := s.conn.Info(); i.ReceivedCE != 6 {
			t.Errorf("%d marks received, want 6", i.ReceivedCE)
		}
		s.readText(5500)
	})
	script(t, withECN(setup{}), func(s *dialogue) {
		s.establishAccurate()
		for i := range 2 {
			s.codepoint = wire.ECT1
			s.send(counted(300+1000*i, 100, 5, "<DATA=1000>"), "ECT(1)")
		}
		s.want(counted(100, 2300, 5, "<ACCECN1=2001>"), "order 1: EE1B stands first")
		s.segmentSize = 1000
		s.sendMarked(counted(2300, 100, 5, "<DATA=4500>"), "a marked super-segment")
		s.want(counted(100, 6800, 10, "<ACCECN1=2001,4500>"), "five packets")
		s.write(100)
		s.readText(6500)
		s.skip("text")
	})
}

// RFC 9768, 3.2.3.3: "the Data Receiver MUST give precedence to the SACK option": two blocks stand before the counters.
func TestAccurateOptionAndSACK(t *testing.T) {
	script(t, withECN(setup{timestamps: true, sack: true}), func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN,ECE,CWR,AE>"+s.synOptions(), "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR><ACCECN0=1,0,1>", "all options fit")
		s.send("<SEQ=300><ACK=100><CTL=ACK,CWR>", "handshake completes")
		blocks := []string{"<SACK=1300-1400>", "<SACK=3300-3400,1300-1400>", "<SACK=5300-5400,3300-3400>"}
		for i, seq := range []int{1300, 3300, 5300} {
			s.codepoint = wire.ECT0
			s.send(counted(seq, 100, 5, "<DATA=100>"), "beyond a gap")
			s.want(counted(100, 300, 5, fmt.Sprintf("<ACCECN0=%d>", 101+100*i)+blocks[i]), "duplicate ACK")
		}
		s.codepoint = wire.ECT1
		s.send(counted(7300, 100, 5, "<DATA=100>"), "with ECT(1)")
		s.want(counted(100, 300, 5, "<ACCECN1=101><SACK=7300-7400,5300-5400>"), "what has changed since the last option: all fields have no room")
	})
}
