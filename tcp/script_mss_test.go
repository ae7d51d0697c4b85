package tcp_test

import (
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// Segment sizes: RFC 9293, 3.7.1.

func TestMSS(t *testing.T) {
	for _, c := range []struct{ ours, peers, want int }{
		{1460, 1460, 1460},
		{1460, 900, 900},    // the peer's is smaller
		{900, 1460, 900},    // our path's is smaller
		{1460, 65535, 1460}, // "infinity", RFC 2675
		{8960, 1460, 1460},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			script(t, setup{mss: c.ours, peerMSS: c.peers}, func(s *dialogue) {
				// RFC 9293 MUST-14, MUST-16, SHLD-5
				s.conn.OpenPassive()
				s.send("<SEQ=299><CTL=SYN>"+s.synOptions(), "peer opens")
				s.want(fmt.Sprintf("<SEQ=99><ACK=300><CTL=SYN,ACK><MSS=%d>", c.ours), "our MSS is what our MTU allows")
				s.send("<SEQ=300><ACK=100><CTL=ACK>", "handshake completes")
				s.write(2 * c.want)
				s.want(segment(100, 300, c.want), "the smaller of both")
				s.want(segment(100+c.want, 300, c.want), "the smaller of both")
				s.send(segment(300, 100+2*c.want, 0), "acknowledged")
			})
		})
	}
}

func TestDefaultMSS(t *testing.T) {
	for _, c := range []struct{ given, want int }{{0, 536}, {536, 536}, {1220, 1220}} {
		script(t, setup{mss: 1460, peerMSS: -1}, func(s *dialogue) {
			// RFC 9293 MUST-15
			s.conn.Init(&s.cfg, tcp.Params{ISS: s.machineBase.Add(99), MSS: 1460, DefaultMSS: c.given})
			s.defaultMSS = c.want
			s.establish()
			s.write(3000)
			s.want(segment(100, 300, c.want), "the peer has sent no MSS option")
			s.skip("more")
			s.send(segment(300, 3100, 0), "acknowledged")
		})
	}
}

// hear checks of each segment of each script that it has no MSS option unless it is a SYN.
func TestMSSOnlyOnSYN(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-65
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text")
		if s.last.Options.HasMSS {
			t.Error("MSS option on text")
		}
		s.send("<SEQ=300><ACK=110><CTL=ACK><DATA=10><MSS=200>", "an MSS option where none belongs")
		s.write(1000)
		s.want("<SEQ=110><ACK=310><CTL=ACK><DATA=1000>", "is not heeded")
		if s.last.Options.HasMSS {
			t.Error("MSS option on text")
		}
		s.send("<SEQ=310><ACK=1110><CTL=ACK>", "acknowledged")
		s.closeWrite()
		s.want("<SEQ=1110><ACK=310><CTL=FIN,ACK>", "close")
		if s.last.Options.HasMSS {
			t.Error("MSS option on FIN")
		}
	})
}

// RFC 9293, 3.7.2, and RFC 1191: the path turns out to be narrower.
func TestPathMTU(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-16
		s.establish()
		s.write(5000)
		s.wantSegments(100, 5, "what our own MTU allows")
		s.conn.SetMSS(s.now, 600)
		// RFC 5681, 3.1: "cwnd SHOULD be reduced by the ratio of the old segment size to the new segment size."
		if got := s.conn.Info().Cwnd; got != 6000 {
			t.Errorf("cwnd is %d, was 10000; want 6000: as many segments, of the new size", got)
		}
		s.drain()
		for seq := 100; seq < 5100; seq += 600 {
			s.want(segment(seq, 300, min(600, 5100-seq)), "all is sent again, in smaller segments")
		}
		s.send("<SEQ=300><ACK=5100><CTL=ACK>", "acknowledged")
		s.send("<SEQ=300><ACK=5100><CTL=ACK><DATA=2000>", "what we advertised stays")
		s.want("<SEQ=5100><ACK=2300><CTL=ACK>", "more than one segment")
		s.conn.SetMSS(s.now, 1000)
		s.write(1000)
		s.want("<SEQ=5100><ACK=2300><CTL=ACK><DATA=1000>", "and wider again, up to the peer's MSS")
		s.send("<SEQ=2300><ACK=6100><CTL=ACK>", "acknowledged")
	})
}
