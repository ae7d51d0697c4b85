package tcp_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Retransmission, its timeout and its limits: RFC 6298; RFC 9293, 3.8.1 and 3.8.3.

// linkRTT opens the connection with a round trip of so long, which the handshake measures.
func (s *dialogue) establishAfter(rtt time.Duration) {
	s.Helper()
	s.conn.OpenPassive()
	s.send("<SEQ=299><CTL=SYN>"+s.synOptions(), "peer opens")
	s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
	s.advance(rtt)
	s.send("<SEQ=300><ACK=100><CTL=ACK>", "handshake completes")
}

// estimator is RFC 6298, 2, written down a second time.
type estimator struct{ srtt, rttvar time.Duration }

func (e *estimator) sample(r time.Duration) {
	if e.srtt == 0 {
		e.srtt, e.rttvar = r, r/2
		return
	}
	e.rttvar = (3*e.rttvar + (e.srtt - r).Abs()) / 4
	e.srtt = (7*e.srtt + r) / 8
}

// rto is "SRTT + max (G, K*RTTVAR)", with the configured minimum in the place of the granularity, as Linux has it.
func (e *estimator) rto(least time.Duration) time.Duration { return e.srtt + max(least, 4*e.rttvar) }

func TestRTO(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-18
		if got := s.conn.Info().RTO; got != time.Second {
			t.Errorf("RTO is %v before a round trip is measured, want 1s", got)
		}
		s.establishAfter(300 * ms)
		var e estimator
		e.sample(300 * ms)
		seq := 100
		for i, rtt := range []time.Duration{300, 300, 900, 100, 100, 100, 2000, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10} {
			info := s.conn.Info()
			if got, want := info.RTO, e.rto(s.cfg.MinRTO); (got - want).Abs() > ms {
				t.Fatalf("round trip %d: RTO is %v (SRTT %v, RTTVAR %v), want %v (%v, %v)", i, got, info.SRTT, info.RTTVar, want, e.srtt, e.rttvar)
			}
			if rtt*ms >= info.RTO { // it would be retransmitted
				continue
			}
			s.write(10)
			s.want(segment(seq, 300, 10), "text")
			seq += 10
			s.advance(rtt * ms)
			s.send(segment(300, seq, 0), "acknowledged after a round trip")
			e.sample(rtt * ms)
		}
		s.write(10)
		s.want(segment(seq, 300, 10), "text that is lost")
		s.wantAfter(e.rto(s.cfg.MinRTO), segment(seq, 300, 10), "retransmission timeout")
	})
}

func TestBackoff(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-19
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		wait := s.conn.Info().RTO
		for range 12 {
			s.wantAfter(wait, "<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "sent again")
			wait = min(2*wait, s.cfg.MaxRTO)
		}
		if wait != s.cfg.MaxRTO {
			t.Errorf("RTO is backed off to %v, want %v", wait, s.cfg.MaxRTO)
		}
		s.send("<SEQ=300><ACK=110><CTL=ACK>", "at last")
	})
}

// Karn's algorithm: RFC 6298, 3: "RTT samples MUST NOT be made using segments that were retransmitted". 5: the back-off
// stays until there is a sample.
func TestKarn(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-18
		s.establishAfter(100 * ms)
		before := s.conn.Info()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		s.wantAfter(before.RTO, "<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "sent again")
		s.wantAfter(2*before.RTO, "<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "sent again")
		s.advance(ms)
		s.send("<SEQ=300><ACK=110><CTL=ACK>", "of which of the three?")
		after := s.conn.Info()
		if after.SRTT != before.SRTT || after.RTTVar != before.RTTVar {
			t.Errorf("SRTT, RTTVAR are %v, %v, were %v, %v: an ambiguous ACK was taken for a sample", after.SRTT, after.RTTVar, before.SRTT, before.RTTVar)
		}
		if want := 4 * before.RTO; after.RTO != want {
			t.Errorf("RTO is %v, want %v: backed off until there is a sample", after.RTO, want)
		}
		s.write(10)
		s.want("<SEQ=110><ACK=300><CTL=ACK><DATA=10>", "new text")
		s.advance(100 * ms)
		s.send("<SEQ=300><ACK=120><CTL=ACK>", "acknowledged without retransmission")
		if got := s.conn.Info().RTO; got > before.RTO {
			t.Errorf("RTO is %v after a sample, want at most %v", got, before.RTO)
		}
	})
}

// RFC 6298, 5.3: "When an ACK is received that acknowledges new data, restart the retransmission timer so that it will
// expire after RTO seconds".
func TestTimerRestarts(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establishAfter(100 * ms)
		s.write(2000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "first")
		s.want("<SEQ=1100><ACK=300><CTL=ACK><DATA=1000>", "second: lost")
		s.advance(200 * ms)
		s.send("<SEQ=300><ACK=1100><CTL=ACK>", "first is acknowledged")
		s.wantAfter(s.conn.Info().RTO, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1000>", "counted from that ACK")
		s.send("<SEQ=300><ACK=2100><CTL=ACK>", "acknowledged")
		s.advance(10 * s.cfg.MaxRTO)
		s.idle("5.2: when all is acknowledged, the timer is off")
	})
}

func TestSYNRetransmission(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-22, MUST-23
		begin := s.now
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN><MSS=1000>", "active open")
		wait := time.Second
		for s.now.Add(wait).Sub(begin) < 3*time.Minute {
			s.wantAfter(wait, "<SEQ=99><CTL=SYN><MSS=1000>", "sent again, backed off")
			wait = min(2*wait, s.cfg.MaxRTO)
		}
		s.state(tcp.StateSynSent)
		s.advance(3 * time.Minute)
		s.skip("perhaps one more")
		s.ended(tcp.ErrTimeout)
		s.readFails(tcp.ErrTimeout, "the application layer is notified")
	})
	// RFC 6298, 5.7, and RFC 5681, 3.1: after a SYN was lost, caution.
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>", "active open")
		s.wantAfter(time.Second, "<SEQ=99><CTL=SYN>", "sent again")
		s.advance(50 * ms)
		s.write(3000)
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><MSS=1000>", "peer answers")
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "the initial window is one segment")
		s.idle("no more")
		if s.conn.Info().SRTT != 0 {
			t.Error("an ambiguous answer was taken for a sample")
		}
		s.wantAfter(3*time.Second, "<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "RTO MUST be re-initialized to 3 seconds")
		s.send("<SEQ=300><ACK=3100><CTL=ACK>", "enough")
		s.skip("rest")
	})
	// The SYN,ACK of a passive open likewise; a peer that never answers is given up.
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-22
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
		s.wantAfter(time.Second, "<SEQ=99><ACK=300><CTL=SYN,ACK><MSS=1000>", "sent again")
		s.wantAfter(2*time.Second, "<SEQ=99><ACK=300><CTL=SYN,ACK><MSS=1000>", "and again")
		s.advance(s.cfg.SynR2)
		s.skip("and again")
		s.ended(tcp.ErrTimeout)
	})
}

// RFC 9293, 3.8.3: R1 and R2.
func TestExcessiveRetransmission(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-20, SHLD-9, SHLD-10, SHLD-11
		s.establish()
		begin := s.now
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		wait := s.conn.Info().RTO
		for i := range 5 {
			if got, want := s.conn.NegativeAdvice(), i >= 3; got != want {
				t.Errorf("after %d retransmissions negative advice is %v, want %v: R1 is 3", i, got, want)
			}
			if got := s.conn.Info().Retransmits; got != i {
				t.Errorf("after %d retransmissions the application is told %d", i, got)
			}
			s.wantAfter(wait, "<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "sent again")
			wait *= 2
		}
		s.advance(100*time.Second - s.now.Sub(begin))
		s.skip("sent again")
		s.state(tcp.StateEstablished) // R2 is at least 100 seconds
		s.advance(s.cfg.R2)
		s.skip("sent again")
		s.ended(tcp.ErrTimeout)
		s.readFails(tcp.ErrTimeout, "the application is told")
	})
	// An answer starts all counts afresh.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		s.advance(s.cfg.R2 - time.Second)
		s.skip("sent again")
		s.send("<SEQ=300><ACK=110><CTL=ACK>", "at last")
		if s.conn.NegativeAdvice() {
			t.Error("negative advice though the peer has answered")
		}
		s.write(10)
		s.want("<SEQ=110><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		s.advance(s.cfg.R2 - time.Second)
		s.skip("sent again")
		s.state(tcp.StateEstablished)
	})
}

// RFC 5482 and RFC 9293, 3.8.3: "An application MUST (MUST-21) be able to set the value for R2 for a particular connection."
func TestUserTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{500 * ms, 10 * time.Second, time.Hour} {
		script(t, setup{}, func(s *dialogue) {
			// RFC 9293 MUST-21
			s.establish()
			s.conn.SetUserTimeout(s.now, timeout)
			s.write(10)
			s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
			s.advance(timeout - ms)
			s.skip("sent again")
			s.state(tcp.StateEstablished)
			s.advance(2 * ms)
			s.skip("sent again")
			s.ended(tcp.ErrTimeout)
			s.idle("nothing more")
		})
	}
	// It may be set while text is already waiting for its acknowledgment.
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-21
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		s.advance(20 * time.Second)
		s.skip("sent again")
		s.conn.SetUserTimeout(s.now, 30*time.Second)
		s.advance(10*time.Second - ms)
		s.skip("sent again")
		s.state(tcp.StateEstablished)
		s.advance(2 * ms)
		s.skip("sent again")
		s.ended(tcp.ErrTimeout)
	})
}

// TestUserTimeoutBetweenProbes: a peer that has answered each probe of its closed window owes nothing until the next one,
// which may be further away than the user timeout.
func TestUserTimeoutBetweenProbes(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-37
		const timeout = 20 * time.Second
		s.establish()
		s.conn.SetUserTimeout(s.now, timeout)
		s.write(3000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		for wait := s.conn.Info().RTO; wait < 5*timeout; wait *= 2 {
			s.wantAfter(wait, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "probe")
			s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is still closed")
		}
		s.wantAfter(s.conn.Info().RTO, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "a probe that is lost")
		s.advance(timeout - ms)
		s.idle("the next probe is far away")
		s.state(tcp.StateEstablished)
		s.advance(2 * ms)
		s.ended(tcp.ErrTimeout)
	})
}

// TestUserTimeoutBeforeProbe: nor does it owe anything before the first probe, which the timeout is counted from.
func TestUserTimeoutBeforeProbe(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-37
		const timeout = 500 * ms
		s.establishAfter(300 * ms)
		s.conn.SetUserTimeout(s.now, timeout)
		s.write(3000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.advance(300 * ms)
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		wait := s.conn.Info().RTO
		if wait <= timeout {
			t.Fatalf("RTO is %v, want more than %v", wait, timeout)
		}
		s.wantAfter(wait, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "first probe")
		s.advance(timeout - ms)
		s.state(tcp.StateEstablished)
		s.advance(2 * ms)
		s.ended(tcp.ErrTimeout)
	})
}

// TestCloseBesideClosedWindow: after Close a closed window is waited for no longer than R2; what is sent when it opens in
// time has R2 of its own.
func TestCloseBesideClosedWindow(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-20, MUST-37
		s.establish()
		s.write(2000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.close()
		for opens := s.now.Add(s.cfg.R2 - 10*time.Second); s.now.Before(opens); {
			s.advance(time.Second)
			if len(s.unseen) > 0 {
				s.skip("probe")
				s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "still closed")
			}
		}
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=2000>", "window opens")
		s.want("<SEQ=1100><ACK=300><CTL=FIN,ACK><DATA=1000>", "text goes on")
		s.advance(time.Minute)
		s.skip("sent again")
		s.state(tcp.StateFinWait1)
		s.send("<SEQ=300><ACK=2101><CTL=ACK><WND=2000>", "acknowledged")
		s.state(tcp.StateFinWait2)
	})
}
