package tcp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Timestamps and window scale: RFC 7323.

// stamp is the timestamps option of the peer, with TSval some ticks off its clock.
func (s *dialogue) stamp(off int64) string {
	return fmt.Sprintf("<TSVAL=%d><TSECR=%d>", s.peerClock()+uint32(off), s.tsRecent)
}

// echo is the timestamps option that a machine's segment has now, when the peer's TSval to be echoed is given.
func (s *dialogue) echo(tsecr uint32) string {
	return fmt.Sprintf("<TSVAL=%d><TSECR=%d>", uint32(s.now.Sub(epoch)/ms)+s.tsBase, tsecr)
}

func TestTimestampsAgreed(t *testing.T) {
	// A passive open answers with the option only when the SYN had it (RFC 7323, 3.2).
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>"+fmt.Sprintf("<TSVAL=%d><TSECR=0>", s.peerClock()), "peer opens with timestamps")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>"+s.echo(s.peerClock()), "and gets its own back")
		s.advance(70 * ms)
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "handshake completes")
		s.write(2000)
		// 12 bytes of 1000 are for the option (RFC 9293, 3.7.1: Eff.snd.MSS).
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=988>"+s.echo(s.peerClock()), "first segment")
		s.want("<SEQ=1088><ACK=300><CTL=ACK><DATA=988>"+s.echo(s.peerClock()), "second segment")
		s.unseen = nil
		s.send("<SEQ=300><ACK=2100><CTL=ACK>", "acknowledged")
	})
	script(t, setup{timestamps: true, mixed: true}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>"+s.echo(0), "active open offers them")
		s.bare = true
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><MSS=1000>", "peer has none")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "no more of them")
		if s.last.Options.HasTimestamps {
			t.Error("timestamps in a segment, though the peer has none")
		}
		s.write(1000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "all of the MSS is for text")
		s.bare = true
		s.send("<SEQ=300><ACK=1100><CTL=ACK>", "acknowledged")
	})
	script(t, setup{mixed: true}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000><TSVAL=5><TSECR=0>", "peer offers them, we are configured without")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "not taken up")
		if s.last.Options.HasTimestamps {
			t.Error("timestamps in a segment")
		}
	})
}

// RFC 7323, 4.3: which TSval is echoed: that of the segment at the left edge, the earliest that is not acknowledged.
func TestTimestampEchoed(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.establish()
		s.advance(100 * ms)
		first := s.peerClock()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "first segment: its ACK is delayed")
		s.advance(10 * ms)
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "second segment")
		s.want("<SEQ=100><ACK=2300><CTL=ACK>"+s.echo(first), "the earliest: the delay of the ACK is part of the round trip")
		s.advance(10 * ms)
		lost := s.peerClock()
		s.send("<SEQ=3300><ACK=100><CTL=ACK><DATA=1000>", "the segment before is missing")
		s.want("<SEQ=100><ACK=2300><CTL=ACK>"+s.echo(first), "the last that advanced the window, not the one beyond the gap")
		s.advance(10 * ms)
		filled := s.peerClock()
		s.send("<SEQ=2300><ACK=100><CTL=ACK><DATA=1000>", "the gap is filled")
		s.want("<SEQ=100><ACK=4300><CTL=ACK>"+s.echo(filled), "that of the segment that filled it")
		_ = lost
	})
}

func TestPAWS(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.establish()
		s.advance(1000 * ms)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "text")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=310><CTL=ACK>", "delayed ACK")
		old := s.stamp(-500)
		s.send("<SEQ=310><ACK=100><CTL=ACK><DATA=10>"+old, "SEG.TSval < TS.Recent")
		s.want("<SEQ=100><ACK=310><CTL=ACK>", "R1: send an acknowledgment in reply and drop the segment")
		s.dropped(tcp.ReasonPAWS)
		s.read(10)
		s.readFails(tcp.ErrWouldBlock, "dropped")
		s.send("<SEQ=310><ACK=100><CTL=ACK><DATA=10>"+s.stamp(0), "the same text, in its time")
		s.read(10)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=320><CTL=ACK>", "delayed ACK")
		s.bare = true
		s.send("<SEQ=320><ACK=100><CTL=ACK><DATA=10>", "RFC 7323, 3.2: without timestamps, though they were agreed on")
		s.idle("silently dropped")
		s.dropped(tcp.ReasonNoTimestamps)
		s.send("<SEQ=320><CTL=RST>"+s.stamp(-900), "RFC 7323, 5.2: a RST must not be subjected to the PAWS check")
		s.ended(tcp.ErrReset)
	})
	// RFC 7323, 5.3: a timestamp that is behind by up to 2^31 is old; by more it is new.
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.establish()
		s.advance(1000 * ms)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>"+s.stamp(1<<31-1100), "half of the clock's cycle ahead")
		s.read(10)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=310><CTL=ACK>", "delayed ACK")
	})
	// RFC 7323, 5.5: a mechanism "to "invalidate" the TS.Recent value when a connection is idle for more than 24 days."
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.establish()
		s.advance(25 * 24 * time.Hour)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>"+s.stamp(-(25*24*3600*1000+500)), "after 25 days in silence")
		s.read(10)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=310><CTL=ACK>", "delayed ACK")
	})
}

// RFC 7323, 4.1: with timestamps a segment that was sent again gives a sample of the round trip all the same.
func TestTimestampsMeasureRetransmission(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text")
		rto := s.conn.Info().RTO
		s.wantAfter(rto, "<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "first retransmission")
		s.wantAfter(2*rto, "<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "second one")
		again := s.tsRecent
		s.advance(50 * ms)
		s.send(fmt.Sprintf("<SEQ=300><ACK=110><CTL=ACK><TSVAL=%d><TSECR=%d>", s.peerClock(), again), "ACK of the second retransmission")
		if got := s.conn.Info().SRTT; got > 50*ms || got < 5*ms {
			t.Errorf("SRTT is %v after a round trip of 50 ms", got)
		}
		if got := s.conn.Info().RTO; got >= 2*rto {
			t.Errorf("RTO is %v, still backed off", got)
		}
	})
}

// RFC 7323, 5.2: on a RST timestamps are an answer to those of the segment, or those of a connection that is aborted.
func TestTimestampsOnReset(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.send("<SEQ=300><ACK=700><CTL=ACK><TSVAL=55><TSECR=66>", "no connection")
		s.want("<SEQ=700><CTL=RST><TSVAL=0><TSECR=55>", "TSval is zero, TSecr what came")
		s.establish()
		s.conn.Abort(s.now)
		s.drain()
		s.want("<SEQ=100><CTL=RST>"+s.echo(s.peerClock()), "those of the connection")
	})
}

// Timestamps that were not agreed on say nothing.
func TestTimestampsUnasked(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		before := s.conn.Info().SRTT
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text")
		s.wantAfter(s.conn.Info().RTO, "<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "sent again: not timed")
		s.send("<SEQ=300><ACK=110><CTL=ACK><TSVAL=5><TSECR=7>", "an ACK with timestamps, for no reason")
		if got := s.conn.Info().SRTT; got != before {
			t.Errorf("SRTT is %v, was %v", got, before)
		}
		s.send("<SEQ=300><ACK=110><CTL=ACK><DATA=10><TSVAL=4><TSECR=7>", "and older ones")
		s.read(10)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=110><ACK=310><CTL=ACK>", "delayed ACK")
	})
}

func TestWindowScale(t *testing.T) {
	big := func(c *tcp.Config) { c.ReceiveBuffer, c.SendBuffer = 1<<20, 1<<20 }
	// RFC 7323, 2.2: "The window field in a segment where the SYN bit is set [...] MUST NOT be scaled."
	script(t, setup{config: big, scale: true, peerScale: 3}, func(s *dialogue) {
		// RFC 9293 MUST-1
		s.conn.SetReceiveBuffer(s.now, 1<<20)
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><WND=5000><MSS=1000><WS=3>", "a window of 5000, not 40000")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK><WND=65535><WS=5>", "1 MiB needs 5 bits more")
		s.send("<SEQ=300><ACK=100><CTL=ACK><WND=60000>", "480000, with the sign bit of 16 set")
		if got := s.conn.Info().SndWnd; got != 480000 {
			t.Errorf("SND.WND is %d, want 480000", got)
		}
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text")
		if got := s.ourWindow(&s.last.TCP); got < 1<<19 {
			t.Errorf("we offer a window of %d, out of a buffer of 1 MiB", got)
		}
		s.send("<SEQ=300><ACK=110><CTL=ACK>", "acknowledged")
	})
	script(t, setup{config: big, scale: true, peerScale: -1}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer does not scale")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK><WND=65535>", "so we do not")
		if s.last.Options.HasWindowScale {
			t.Error("window scale in the answer to a SYN without")
		}
		s.send("<SEQ=300><ACK=100><CTL=ACK><WND=60000>", "handshake completes")
		if got := s.conn.Info().SndWnd; got != 60000 {
			t.Errorf("SND.WND is %d, want 60000", got)
		}
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10><WND=65535>", "text")
		s.send("<SEQ=300><ACK=110><CTL=ACK>", "acknowledged")
	})
	// The largest buffer there is needs the largest shift there is.
	script(t, setup{config: func(c *tcp.Config) { c.ReceiveBuffer = 1 << 30 }, scale: true}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000><WS=0>", "peer scales by 0: it understands the option")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK><WND=65535><WS=14>", "at most 14")
	})
	// RFC 7323, 2.3: "If a Window Scale option is received with a shift.cnt value larger than 14, the TCP [...] MUST use 14".
	script(t, setup{config: big, scale: true, peerScale: 14}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000><WS=200>", "a shift beyond the limit")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "is taken for 14")
		s.send("<SEQ=300><ACK=100><CTL=ACK><WND=65535>", "the largest window there is")
		if got, want := s.conn.Info().SndWnd, 65535<<14; got != want {
			t.Errorf("SND.WND is %d, want %d", got, want)
		}
	})
	// The edge of a scaled window moves in units, and still never to the left; hear checks each segment.
	script(t, setup{config: big, scale: true, peerScale: 3}, func(s *dialogue) {
		// RFC 9293 SHLD-14
		s.establish()
		for at := 300; at < 300+1<<20-70000; at += 997 {
			s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=997>", at), "odd sizes")
			s.unseen = nil
			if at%5 == 0 {
				s.read(997 / 3)
				s.unseen = nil
			}
		}
		s.advance(500 * ms)
		s.unseen = nil
	})
}

// A peer whose ACKs were lost for a minute echoes a timestamp that is a minute old: that is no round trip.
func TestOldEcho(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.establish()
		s.write(100)
		s.skip("text")
		s.advance(30 * ms)
		s.send(segment(300, 200, 0), "a round trip of 30 ms")
		before := s.conn.Info()
		s.write(100)
		s.want(segment(200, 300, 100), "text, whose ACKs are lost for a minute")
		old := s.tsRecent
		for s.now.Sub(start) < time.Minute {
			s.advance(s.conn.Info().RTO)
			s.want(segment(200, 300, 100), "sent again")
		}
		s.tsRecent = old
		s.send(segment(300, 300, 0), "and acknowledged with the first one's timestamp")
		i := s.conn.Info()
		if i.SRTT != before.SRTT || i.RTTVar != before.RTTVar || i.RTO < time.Minute {
			t.Errorf("the round trip is %v +- %v, the timeout %v: want %v +- %v as before, and the timeout backed off", i.SRTT, i.RTTVar, i.RTO, before.SRTT, before.RTTVar)
		}
		s.write(100)
		s.want(segment(300, 300, 100), "new text")
		s.advance(30 * ms)
		s.send(segment(300, 400, 0), "which tells the round trip")
		if i := s.conn.Info(); i.RTO > 2*time.Second || i.SRTT > 200*ms {
			t.Errorf("the round trip is %v, the timeout %v", i.SRTT, i.RTO)
		}
		// A path that has become slow is believed, step by step.
		for range 6 {
			s.write(100)
			s.skip("text")
			sent := s.tsRecent
			for left := 3 * time.Second; left > 0; {
				step := min(left, s.conn.Info().RTO)
				s.advance(step)
				s.skip("sent again, perhaps")
				left -= step
			}
			s.tsRecent = sent
			s.send(segment(300, 100+s.written, 0), "three seconds")
		}
		if i := s.conn.Info(); i.SRTT < time.Second || i.RTO < 3*time.Second {
			t.Errorf("the round trip is %v, the timeout %v, on a path of three seconds", i.SRTT, i.RTO)
		}
	})
}

// TestOldEchoes: where ACKs are lost again and again, the timeout does not grow with each old echo that follows.
func TestOldEchoes(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		// RFC 9293 MUST-18
		s.establish()
		for range 20 {
			s.write(100)
			s.skip("text, whose ACKs are lost")
			first := s.tsRecent
			for range 4 {
				s.advance(s.conn.Info().RTO)
				s.skip("sent again")
			}
			s.tsRecent = first
			s.send(segment(300, 100+s.written, 0), "the first one's timestamp: the peer did not need the others")
			s.write(100)
			s.skip("text")
			s.advance(30 * ms)
			s.send(segment(300, 100+s.written, 0), "a round trip of 30 ms")
		}
		if i := s.conn.Info(); i.SRTT > 200*ms || i.RTO > time.Second {
			t.Errorf("the round trip is %v, the timeout %v, on a path of 30 ms", i.SRTT, i.RTO)
		}
	})
}
