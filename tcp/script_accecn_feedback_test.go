package tcp_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// What a sender makes of RFC 9768's feedback, and who else must keep the counters.

// RFC 9768, 3.2.2.2 and A.2: what a sender makes of the counters.
func TestAccurateFeedback(t *testing.T) {
	for _, options := range []bool{true, false} {
		option := func(e0b, ceb int) string {
			if !options {
				return ""
			}
			return fmt.Sprintf("<ACCECN0=%d,%d>", e0b, ceb)
		}
		script(t, withECN(bulk(20)), func(s *dialogue) {
			if options {
				s.establishAccurate()
			} else {
				s.conn.OpenPassive()
				s.send("<SEQ=299><CTL=SYN,ECE,CWR,AE>"+s.synOptions(), "peer opens")
				s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR>", "answer")
				s.send(counted(300, 100, 2, ""), "without an option")
			}
			s.write(60000)
			s.wantSegments5(100, 20, "initial window")
			s.send(counted(300, 2100, 6, option(1001, 1000)), "one of two was marked")
			i := s.conn.Info()
			if i.Ssthresh != 10000 || i.DeliveredCE != 1 || i.ECNReductions != 1 {
				t.Errorf("ssthresh %d, %d marks, %d reductions, want 10000, 1, 1", i.Ssthresh, i.DeliveredCE, i.ECNReductions)
			}
			s.send(counted(300, 5100, 8, option(2001, 3000)), "two of three")
			s.skip("what the window, on its way down, has room for")
			s.send(counted(300, 2100, 5, option(1001, 1000)), "an ACK that was overtaken: 3.2.2.2: \"in which case it ignores the ECN feedback\"")
			if i := s.conn.Info(); i.Ssthresh != 10000 || i.DeliveredCE != 3 || i.ECNReductions != 1 {
				t.Errorf("ssthresh %d, %d marks, %d reductions, want 10000, 3, 1: once in a round trip", i.Ssthresh, i.DeliveredCE, i.ECNReductions)
			}
			s.send(counted(300, 14100, 11, option(8001, 6000)), "three of nine: \"because 9 - ((9-2) % 8) = 2\", and so three")
			if i := s.conn.Info(); i.DeliveredCE != 6 {
				t.Errorf("%d marks, want 6", i.DeliveredCE)
			}
			s.skip("what that makes room for")
			if s.last.Flags.Has(wire.CWR) {
				t.Error("3.1.5: \"MUST NOT set CWR to indicate that it has received and responded\"")
			}
			seq := s.conn.Info().SndNxt.Sub(s.machineBase)
			if !options {
				seq = 14100 + 7000 // of eight and more an ACK without option may hide that all were marked
			}
			s.send(counted(300, seq, 11, option(seq-100-6000+1, 6000)), "no more marks")
			if i := s.conn.Info(); i.DeliveredCE != 6 || i.ECNReductions != 1 {
				t.Errorf("%d marks, %d reductions, want 6, 1", i.DeliveredCE, i.ECNReductions)
			}
			s.skip("what that makes room for")
		})
	}
	// A.2: "if ACE increases by a minimum of 2 but acknowledges 10 full-sized segments, then it would be necessary to assume
	// that there could have been 10 CE marks".
	for _, tt := range []struct {
		option string
		want   uint64
	}{{"", 10}, {"<ACCECN0=8001,2000>", 2}, {"<ACCECN0=1,10000>", 10}} {
		script(t, withECN(bulk(20)), func(s *dialogue) {
			s.establishAccurate()
			s.write(20000)
			s.wantSegments5(100, 20, "initial window")
			for ack := 1100; ack <= 10100; ack += 1000 {
				s.send(counted(300, ack, 5, ""), "each for one")
			}
			s.send(counted(300, 20100, 7, tt.option), "ten together")
			if i := s.conn.Info(); i.DeliveredCE != tt.want {
				t.Errorf("%q: %d marks, want %d", tt.option, i.DeliveredCE, tt.want)
			}
		})
	}
}

// wantSegments5 wants full segments from seq on, of a connection with AccECN on which no mark has arrived.
func (s *dialogue) wantSegments5(seq, n int, why string) {
	s.Helper()
	for i := range n {
		s.want(counted(seq+1000*i, 300, 5, "<DATA=1000>"), why)
		s.codepointIs(wire.ECT0, why)
	}
}

// RFC 9768, 3.2.2.3, 3.2.3.2.4, 3.2.3.2.5 and A.4: feedback that cannot be believed.
func TestAccurateMangling(t *testing.T) {
	sent := func(s *dialogue) wire.ECN {
		s.Helper()
		s.send(counted(300, 20100, 5, ""), "the rest")
		s.conn.SetNoDelay(s.now, true)
		s.write(100)
		return s.unseen[len(s.unseen)-1].ECN
	}
	for name, tt := range map[string]struct {
		acks []string
		text wire.ECN
	}{
		"fair":                           {[]string{counted(300, 10100, 5, "<ACCECN0=10001>")}, wire.ECT0},
		"bleached":                       {[]string{counted(300, 10100, 5, ""), counted(300, 11100, 5, "<ACCECN0=1,0,1>")}, wire.NotECT},
		"marked bytes, no marked packet": {[]string{counted(300, 3100, 5, "<ACCECN0=2001,1000>")}, wire.NotECT},
	} {
		script(t, withECN(bulk(20)), func(s *dialogue) {
			s.establishAccurate()
			s.write(20000)
			s.wantSegments5(100, 20, "initial window")
			for _, a := range tt.acks {
				s.send(a, name)
			}
			if got := sent(s); got != tt.text {
				t.Errorf("%s: text is sent with %v, want %v", name, got, tt.text)
			}
			s.skip("text")
		})
	}
	script(t, withECN(bulk(20)), func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN,ECE,CWR,AE>"+s.synOptions(), "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK,CWR>", "answer")
		s.send(counted(300, 100, 2, "<ACCECN0=0,0,0>"), "the counters are zero")
		s.write(3000)
		s.wantSegments5(100, 3, "text")
		s.send(counted(300, 3100, 5, "<ACCECN0=1,3000,0>"), "such an option is ignored")
		if n := s.conn.Info().ECNReductions; n != 0 {
			t.Errorf("%d reductions, want 0", n)
		}
	})
	// "it is advised to check whether it is receiving continuous feedback of CE".
	script(t, withECN(bulk(16)), func(s *dialogue) {
		s.establishAccurate()
		s.write(200000)
		packets, marked := 5, 0
		for range 8 {
			unseen := s.unseen
			s.unseen = nil
			for _, h := range unseen {
				end := h.Seq.Add(h.Len).Sub(s.machineBase)
				packets, marked = packets+1, end-100
				s.receive(counted(300, end, packets, fmt.Sprintf("<ACCECN0=1,%d>", marked)), "marked, as all are")
			}
			s.now = s.now.Add(100 * ms)
			s.drain()
		}
		if n := s.conn.Info().ECNReductions; n == 0 || n > 4 {
			t.Errorf("%d reductions, want at most 4", n)
		}
		if got := s.unseen[0].ECN; got != wire.NotECT {
			t.Errorf("text is sent with %v, want Not-ECT", got)
		}
		s.skip("text")
	})
}

// RFC 9768, 3.2.2.1: a SYN,ACK that comes again is acknowledged as it was, with the codepoint that it has now.
func TestAccurateSYNACKAgain(t *testing.T) {
	script(t, withECN(setup{}), func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN,ECE,CWR,AE>", "open")
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK,CWR><MSS=1000>", "peer answers")
		s.want(counted(100, 300, 2, ""), "handshake encoding: Not-ECT")
		for range 2 {
			s.sendMarked("<SEQ=299><ACK=100><CTL=SYN,ACK,CWR><MSS=1000>", "again, marked")
			s.want(counted(100, 300, 6, ""), "handshake encoding: CE")
		}
		s.write(100)
		s.want(counted(100, 300, 6, "<DATA=100>"), "\"incremented from 5 to 6, but no further\"")
	})
}

// Super-segments and the ACE field: who cuts one clears CWR, which is a bit of the counter.
func TestAccurateSuperSegment(t *testing.T) {
	o := bulk(10)
	o.maxSegment = 8000
	script(t, withECN(o), func(s *dialogue) {
		s.establishAccurate()
		s.write(30000)
		s.want(counted(100, 300, 5, "<DATA=8000>"), "5 has no CWR")
		s.want(counted(8100, 300, 5, "<DATA=2000>"), "rest of the window")
		s.sendMarked(counted(300, 10100, 5, "<DATA=10><ACCECN0=10001>"), "a mark")
		for seq := 10100; seq < 25100; seq += 1000 {
			s.want(counted(seq, 310, 6, "<DATA=1000>"), "6 has CWR")
		}
		s.want(counted(25100, 310, 6, "<ACCECN0=1,10>"), "what had no room beside the text")
		s.readText(10)
	})
}

// TIME-WAIT: the record goes on telling the counter.
func TestAccurateTimeWait(t *testing.T) {
	script(t, withECN(setup{}), func(s *dialogue) {
		s.establishAccurate()
		s.sendMarked(counted(300, 100, 5, "<DATA=1000>"), "marked text")
		s.want(counted(100, 1300, 6, ""), "counted")
		s.readText(1000)
		s.close()
		s.want("<SEQ=100><ACK=1300><CTL=FIN,ACK,CWR,AE>", "close")
		s.send("<SEQ=1300><ACK=101><CTL=FIN,ACK,ECE,AE>", "peer closes")
		s.want(counted(101, 1301, 6, ""), "its FIN is acknowledged")
		s.state(tcp.StateTimeWait)
		tw := s.conn.TimeWait()
		h, _ := s.parse("<SEQ=1300><ACK=101><CTL=FIN,ACK,ECE,AE>", true)
		var out tcp.Segment
		if a := tw.Receive(s.now, &tcp.Segment{TCP: h}, &out); a != tcp.TimeWaitRestart || out.Flags != wire.ACK|wire.CWR|wire.AE {
			t.Errorf("action %d, flags %v, want ACK,CWR,AE", a, out.Flags)
		}
	})
}

// Bad input: a peer whose counters are random, in either mode. The window stays within its bounds, and is reduced at most
// once in a round trip.
func TestECNRandomFeedback(t *testing.T) {
	for _, accurate := range []bool{true, false} {
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 5))
			script(t, withECN(bulk(10)), func(s *dialogue) {
				if s.establishECN(); accurate {
					s.conn = tcp.Conn{}
					s.haveEdge, s.haveOurs = false, false
					s.init()
					s.establishAccurate()
				}
				s.unseen = nil
				rounds, roundEnd := uint64(0), s.machineBase.Add(100)
				for range 400 {
					if n := s.conn.Room(); n > 5000 {
						s.write(5000)
					}
					s.unseen = nil
					i := s.conn.Info()
					ack := i.SndUna.Add(r.IntN(i.SndNxt.Sub(i.SndUna) + 1))
					if roundEnd.Less(ack) {
						rounds, roundEnd = rounds+1, i.SndNxt
					}
					rest := ""
					if accurate && r.IntN(2) == 0 {
						rest = fmt.Sprintf("<ACCECN%d=%d,%d,%d>", r.IntN(2), r.IntN(1<<24), r.IntN(1<<24), r.IntN(1<<24))
					}
					before := s.conn.Info().Cwnd
					s.receive(counted(300, ack.Sub(s.machineBase), r.IntN(8), rest), "anything")
					s.drain()
					s.unseen = nil
					i = s.conn.Info()
					if i.Cwnd < 1000 || i.Cwnd > before+ack.Sub(i.SndUna)+20000 {
						t.Fatalf("window from %d to %d bytes", before, i.Cwnd)
					}
					if i.ECNReductions > rounds+1 {
						t.Fatalf("%d reductions in %d round trips", i.ECNReductions, rounds)
					}
					if r.IntN(4) == 0 {
						s.advance(10 * ms)
						s.unseen = nil
					}
				}
			})
		}
	}
}
