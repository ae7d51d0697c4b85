package tcp_test

import (
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// A link without room: what Next has handed out and could not be sent comes back, the last first, and is sent again when
// there is room, without the patience of a retransmission.

// refuse hands the last n segments that the machine has sent back to it.
func (s *dialogue) refuse(n int) {
	s.Helper()
	if len(s.unseen) < n {
		s.Fatalf("%d segments were sent, want at least %d", len(s.unseen), n)
	}
	for range n {
		last := len(s.unseen) - 1
		seg := s.unseen[last].Segment
		s.unseen = s.unseen[:last]
		s.logf("    (no room for %s)", s.show(seg.TCP, seg.Len, false))
		s.conn.Unsent(s.now, &seg)
	}
	s.conn.Returned()
}

func TestUnsent(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(5000)
		s.refuse(3)
		s.wantSegments(100, 2, "two have left")
		s.advance(ms)
		s.drain()
		s.wantSegments(2100, 3, "the link has room again")
		s.send(segment(300, 5100, 0), "acknowledged")
	})
	// Part of what could not be sent is acknowledged from an earlier copy, or not at all.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(3000)
		s.wantSegments(100, 3, "text")
		s.advance(s.conn.Info().RTO)
		s.refuse(1)
		s.send(segment(300, 1100, 0), "the first had only been slow")
		s.want(segment(1100, 300, 1000), "so it is not sent again")
		s.skip("slow start")
		s.send(segment(300, 3100, 0), "acknowledged")
	})
	for _, c := range []struct {
		what    string
		segment string
		do      func(*dialogue)
	}{
		{"SYN", "<SEQ=99><CTL=SYN><MSS=1000>", func(s *dialogue) { s.conn.OpenActive(s.now) }},
		{"SYN,ACK", "<SEQ=99><ACK=300><CTL=SYN,ACK><MSS=1000>", func(s *dialogue) {
			s.conn.OpenPassive()
			s.receive("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
		}},
		{"FIN", "<SEQ=100><ACK=300><CTL=FIN,ACK>", func(s *dialogue) { s.establish(); s.conn.CloseWrite(s.now) }},
		{"text and FIN", "<SEQ=100><ACK=300><CTL=FIN,ACK><DATA=10>", func(s *dialogue) {
			s.establish()
			s.conn.Write(s.now, text(0, 10))
			s.conn.CloseWrite(s.now)
		}},
		{"RST", "<SEQ=100><CTL=RST>", func(s *dialogue) { s.establish(); s.conn.Abort(s.now) }},
		{"RST without a connection", "<SEQ=0><ACK=301><CTL=RST,ACK>", func(s *dialogue) { s.receive("<SEQ=300><CTL=SYN>", "no connection") }},
		{"ACK", "<SEQ=100><ACK=2300><CTL=ACK>", func(s *dialogue) {
			s.establish()
			s.receive("<SEQ=300><ACK=100><CTL=ACK><DATA=2000>", "two segments")
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			script(t, setup{}, func(s *dialogue) {
				c.do(s)
				s.drain()
				for range 3 {
					s.refuse(1)
					s.nothingElse("no room")
					s.drain()
				}
				s.want(c.segment, "once there is room")
				s.drain()
				s.idle("and only once")
			})
		})
	}
	// A fast retransmit.
	script(t, bulk(4), func(s *dialogue) {
		s.establish()
		s.write(4000)
		s.wantSegments(100, 4, "the first is lost")
		for range 3 {
			s.send(segment(300, 100, 0), "duplicate ACK")
		}
		s.refuse(1)
		s.drain()
		s.want(segment(100, 300, 1000), "fast retransmit, once there is room")
		s.idle("and only once")
		s.send(segment(300, 4100, 0), "acknowledged")
		s.state(tcp.StateEstablished)
	})
}

// While the link refuses a copy, the peer may acknowledge an earlier one.
func TestUnsentAfterACK(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
		s.advance(s.conn.Info().RTO)
		copied := s.unseen[0].Segment
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "a copy, which the link refuses")
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "the first has arrived")
		s.conn.Unsent(s.now, &copied)
		s.drain()
		s.idle("an established connection sends no SYN")
		if d := s.conn.Deadline(); !d.IsZero() {
			s.Errorf("a timer runs until %v, and nothing is outstanding", d)
		}
	})
	script(t, setup{maxSegment: 4000}, func(s *dialogue) {
		s.establish()
		s.write(4000)
		s.want(segment(100, 300, 4000), "text, the second half of which is lost")
		lost := s.last.Segment
		s.send(segment(300, 2100, 0), "half of it is acknowledged")
		s.conn.Unsent(s.now, &lost)
		s.drain()
		s.want(segment(2100, 300, 2000), "the other half was not sent")
		s.send(segment(300, 4100, 0), "acknowledged")
	})
}

// What has never left is new text: SND.NXT does not lie beyond it, and it counts as sent again when it is.
func TestUnsentIsNew(t *testing.T) {
	check := func(s *dialogue, what string, nxt tcp.Seq, resent int) {
		s.Helper()
		if i := s.conn.Info(); i.SndNxt != s.machineBase.Add(int(nxt)) || i.Resent != resent {
			s.Errorf("%s: SND.NXT is %d and %d segments were sent again, want %d and %d", what, i.SndNxt-s.machineBase, i.Resent, nxt, resent)
		}
	}
	for _, maxSegment := range []int{0, 5000} {
		script(t, setup{maxSegment: maxSegment}, func(s *dialogue) {
			s.establish()
			s.write(1000)
			s.wantSegments(100, 1, "this leaves")
			s.write(5000)
			s.refuse(len(s.unseen))
			check(s, "nothing of the second write has left", 1100, 0)
			s.send(segment(300, 1100, 0), "acknowledged")
			s.skip("the link has room again")
			check(s, "all has left", 6100, 0)
			s.send(segment(300, 6100, 0), "acknowledged")
			if d := s.conn.Deadline(); !d.IsZero() {
				s.Errorf("a timer runs until %v, and nothing is outstanding", d)
			}
		})
	}
	// Old text stays old.
	script(t, bulk(4), func(s *dialogue) {
		s.conn.SetMaxSegment(4000)
		s.maxSegment = 4000
		s.establish()
		s.write(2000)
		s.want(segment(100, 300, 2000), "lost")
		s.advance(s.conn.Info().RTO)
		s.refuse(1)
		check(s, "a retransmission that the link refuses", 2100, 0)
		s.drain()
		s.want(segment(100, 300, 1000), "it leaves")
		check(s, "now it was sent again", 2100, 1)
		s.send(segment(300, 2100, 0), "acknowledged")
	})
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.closeWrite()
		s.refuse(1)
		check(s, "a FIN that the link refuses", 100, 0)
		s.drain()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "it leaves")
		s.advance(s.conn.Info().RTO)
		s.refuse(1)
		check(s, "a FIN that was lost, and that the link refuses", 101, 0)
		s.drain()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "it leaves")
		check(s, "a FIN that was sent again", 101, 1)
		s.send(segment(300, 101, 0), "acknowledged")
		s.state(tcp.StateFinWait2)
	})
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>", "lost")
		s.advance(s.conn.Info().RTO)
		s.refuse(1)
		check(s, "a SYN that the link refuses", 100, 0)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>", "once more")
		check(s, "a SYN that was sent again", 100, 1)
	})
}

// What was let go although it is short is not held back again.
func TestUnsentShort(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.conn.SetCork(s.now, true)
		s.write(10)
		s.idle("corked")
		s.advance(s.cfg.Override)
		s.refuse(1)
		s.drain()
		s.want(segment(100, 300, 10), "its time is over")
		s.send(segment(300, 110, 0), "acknowledged")
	})
	// Nobody asks for it: it is sent all the same.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(10)
		s.refuse(1)
		s.advance(s.cfg.Override)
		s.want(segment(100, 300, 10), "without being asked")
		s.send(segment(300, 110, 0), "acknowledged")
	})
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><WND=0>", "the window closes")
		s.write(10)
		s.advance(s.conn.Info().RTO)
		s.refuse(1)
		s.receive("<SEQ=300><ACK=100><CTL=ACK><WND=1000>", "the window opens before the probe has left")
		if i := s.conn.Info(); i.Timer == tcp.TimerRetransmit {
			t.Error("a retransmission timer runs, and nothing is outstanding")
		}
		s.drain()
		s.want(segment(100, 300, 10), "all of it")
		s.send(segment(300, 110, 0), "acknowledged")
	})
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><WND=0>", "the window closes")
		s.write(10)
		s.advance(s.conn.Info().RTO)
		s.refuse(1)
		s.drain()
		s.want(segment(100, 300, 1), "the probe, once there is room")
		s.send("<SEQ=300><ACK=101><CTL=ACK><WND=1000>", "the window opens")
		s.want(segment(101, 300, 9), "the rest")
		s.send(segment(300, 110, 0), "acknowledged")
	})
}

// A RST has a number that the peer expects: with that of text which never left, the peer would answer with a challenge ACK
// (RFC 5961, 3.2).
func TestUnsentThenReset(t *testing.T) {
	abort := func(s *dialogue) { s.conn.Abort(s.now) }
	for _, early := range []bool{false, true} { // Abort comes while the link has the segments, or behind that
		script(t, setup{}, func(s *dialogue) {
			s.establish()
			s.write(5000)
			if early {
				abort(s)
			}
			s.refuse(3)
			if !early {
				abort(s)
			}
			s.drain()
			s.wantSegments(100, 2, "two have left")
			s.want("<SEQ=2100><CTL=RST>", "next that the peer expects")
		})
		script(t, setup{}, func(s *dialogue) {
			s.establish()
			s.closeWrite()
			if early {
				abort(s)
			}
			s.refuse(1)
			if !early {
				abort(s)
			}
			s.drain()
			s.want("<SEQ=100><CTL=RST>", "the FIN has not left")
		})
	}
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(5000)
		s.refuse(3)
		abort(s)
		s.drain()
		s.refuse(1)
		s.wantSegments(100, 2, "two have left")
		s.drain()
		s.want("<SEQ=2100><CTL=RST>", "once there is room for it, too")
	})
}
