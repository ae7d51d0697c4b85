package tcp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// What somebody who wishes us ill may send.

// RFC 5961, 5.2: "All incoming segments whose ACK value doesn't satisfy the above condition MUST be discarded". Also its
// timestamp: one from the future would have PAWS drop all that the real peer sends.
func TestBlindTimestamp(t *testing.T) {
	for _, c := range []struct{ what, segment string }{
		{"ACK of what was never sent", "<SEQ=300><ACK=5000><CTL=ACK><DATA=10>"},
		{"ACK older than any window", "<SEQ=300><ACK=4294800000><CTL=ACK><DATA=10>"},
		{"no ACK", "<SEQ=300><CTL=PSH><DATA=10>"},
	} {
		t.Run(c.what, func(t *testing.T) {
			script(t, setup{timestamps: true}, func(s *dialogue) {
				s.conn.OpenPassive()
				s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
				s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
				s.send("<SEQ=300><ACK=100><CTL=ACK>", "three-way handshake")
				s.send(c.segment+s.stamp(1<<30), "a blind guess")
				s.skip("a challenge ACK, perhaps")
				s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "the real peer's text")
				s.dropped(tcp.ReasonTaken)
				s.readText(10)
				s.advance(time.Second)
				s.want("<SEQ=100><ACK=310><CTL=ACK>", "and is acknowledged")
			})
		})
	}
}

// A record in TIME-WAIT learns no timestamp from a segment that it does not accept either.
func TestBlindTimestampInTimeWait(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.timeWait()
		tw := s.conn.TimeWait()
		h, _ := s.parse("<SEQ=4294000000><ACK=101><CTL=ACK>"+s.stamp(1<<30), true)
		var out tcp.Segment
		tw.Receive(s.now, &tcp.Segment{TCP: h}, &out)
		h, _ = s.parse("<SEQ=300><ACK=101><CTL=FIN,ACK>"+s.stamp(0), true)
		if got := tw.Receive(s.now, &tcp.Segment{TCP: h}, &out); got != tcp.TimeWaitRestart {
			s.Errorf("the peer's FIN comes again: action %v, want %v", got, tcp.TimeWaitRestart)
		}
	})
}

// RFC 5961, 4.2: a SYN is challenged "irrespective of the sequence number"; and, since a peer that has started anew may not
// use timestamps any more, of timestamps too: it would wait until we give up.
func TestSYNWithoutTimestamps(t *testing.T) {
	for _, seq := range []string{"<SEQ=299>", "<SEQ=900000000>", "<SEQ=310>"} {
		script(t, setup{timestamps: true}, func(s *dialogue) {
			s.conn.OpenPassive()
			s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
			s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
			s.send("<SEQ=300><ACK=100><CTL=ACK>", "three-way handshake")
			s.bare = true
			s.send(seq+"<CTL=SYN><MSS=1000>", "the peer has started anew")
			s.want("<SEQ=100><ACK=300><CTL=ACK>", "challenge ACK, to which it answers with RST")
			s.dropped(tcp.ReasonSYNInConnection)
		})
	}
}

// A peer that answers every probe with a closed window keeps the connection of a user (MUST-37), and not one whose user is
// gone: its memory would be held for ever.
func TestZeroWindowAfterClose(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		s.establish()
		s.write(3000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.close()
		from := s.now
		for s.conn.State() != tcp.StateClosed {
			if s.now.Sub(from) > s.cfg.R2+2*s.cfg.MaxRTO {
				s.Fatalf("the connection lives %v after CLOSE", s.now.Sub(from))
			}
			s.advance(s.conn.Deadline().Sub(s.now))
			if len(s.unseen) > 0 {
				s.want("<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "probe")
				s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is still closed")
			}
		}
		if s.now.Sub(from) < s.cfg.R2-s.cfg.MaxRTO {
			s.Errorf("the connection lives only %v after CLOSE", s.now.Sub(from))
		}
	})
}

// Nor one that opens its window after each probe, takes nothing and closes it again.
func TestWindowTeaseAfterClose(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-20
		s.establish()
		s.write(2000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.close()
		tease := func(una int, give time.Duration) (lived time.Duration) {
			for from := s.now; s.now.Sub(from) < give && s.conn.State() != tcp.StateClosed; lived = s.now.Sub(from) {
				s.advance(min(s.conn.Deadline().Sub(s.now), give))
				if len(s.unseen) > 0 {
					s.skip("probe")
					s.send(fmt.Sprintf("<SEQ=300><ACK=%d><CTL=ACK><WND=2000>", una), "window opens")
					s.skip("text goes on")
					s.send(fmt.Sprintf("<SEQ=300><ACK=%d><CTL=ACK><WND=0>", una), "closed again, and nothing taken")
				}
			}
			return lived
		}
		tease(1100, s.cfg.R2/2)
		s.send("<SEQ=300><ACK=1101><CTL=ACK><WND=0>", "one byte is taken: all begins anew")
		if lived := tease(1101, 3*s.cfg.R2); lived < s.cfg.R2-s.cfg.MaxRTO || lived > s.cfg.R2+2*s.cfg.MaxRTO {
			s.Errorf("the connection lives %v, want about %v", lived, s.cfg.R2)
		}
		s.ended(tcp.ErrTimeout)
	})
}

// A RST in SYN-RECEIVED returns a passive connection to LISTEN, but not one whose user has closed it.
func TestResetAfterCloseInSynReceived(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
		s.write(10)
		s.close()
		s.state(tcp.StateSynReceived)
		s.send("<SEQ=300><CTL=RST>", "peer has changed its mind")
		s.ended(nil)
	})
}
