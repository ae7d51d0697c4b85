package tcp_test

import "testing"

// Recoveries that were in vain: RFC 3522 and 4015, 2883, 5682.

// stamping is sacking with timestamps, and full segments of 1000 bytes.
func stamping(segments int) setup {
	o := sacking(segments)
	o.timestamps, o.mss, o.peerMSS = true, 1012, 1012
	return o
}

// TestEifel: the first ACK after a retransmission echoes what was sent before it.
func TestEifel(t *testing.T) {
	// RFC 3522, 3.2, for a fast retransmit
	for _, spurious := range []bool{true, false} {
		script(t, stamping(10), func(s *dialogue) {
			s.inFlight(10, 10000)
			first := s.tsRecent
			s.send(sacks(100, 1100, 10100), "all but the first")
			s.want(segment(100, 300, 1000), "sent again")
			again := s.tsRecent
			s.recovering(true, "it is taken for lost")
			s.write(1000)
			s.skip("new text, if PRR allows")
			s.advance(10 * ms)
			if s.tsRecent = again; spurious {
				s.tsRecent = first
			}
			s.send(segment(300, 10100, 0), "arrived")
			s.skip("new text")
			if got := s.conn.Info().Cwnd; got < 10000 == spurious {
				t.Errorf("in vain: %v, and cwnd is %d, was 10000", spurious, got)
			}
			s.send(segment(300, 11100, 0), "all is there")
		})
	}
	// and for a timeout, with the back-off
	for _, spurious := range []bool{true, false} {
		script(t, stamping(10), func(s *dialogue) {
			s.establishAfter(50 * ms)
			s.write(10000)
			s.wantSegments(100, 10, "a flight whose ACKs are late")
			first, rto := s.tsRecent, s.conn.Info().RTO
			s.advance(100 * ms)
			s.want(segment(9100, 300, 1000), "tail loss probe")
			s.wantAfter(rto, segment(100, 300, 1000), "timeout")
			again := s.tsRecent
			s.advance(ms)
			if s.tsRecent = again; spurious {
				s.tsRecent = first
			}
			s.send(segment(300, 2100, 0), "two have arrived")
			resent := s.conn.Info().Resent
			s.skip("what follows")
			if i := s.conn.Info(); i.Cwnd < 10000 == spurious || i.Recovering == spurious || spurious && (resent != 2 || i.Backoff != 0) {
				t.Errorf("in vain: %v, and cwnd is %d, recovering %v, back-off %d, %d were sent again", spurious, i.Cwnd, i.Recovering, i.Backoff, resent)
			}
			s.send(segment(300, 10100, 0), "all is there")
		})
	}
}

// TestUndoByDSACK: the peer has everything twice that was sent again. It tells when the recovery is over.
func TestUndoByDSACK(t *testing.T) {
	script(t, sacking(10), func(s *dialogue) {
		// RFC 2883, RFC 4015
		s.inFlight(10, 10000)
		s.send(sacks(100, 2100, 10100), "all but two")
		s.wantSegments(100, 2, "sent again")
		s.send(segment(300, 10100, 0), "they were only late")
		s.recovering(false, "all is there")
		s.windowIs(5000, 5000, "cwnd = ssthresh")
		s.send(sacks(10100, 100, 1100), "one was there twice")
		s.windowIs(5000, 5000, "the other may have been lost")
		s.send(sacks(10100, 1100, 2100), "and so was the other")
		if got := s.conn.Info(); got.Cwnd < 10000 || got.Ssthresh < 10000 {
			t.Errorf("cwnd is %d, ssthresh %d: want what they were before", got.Cwnd, got.Ssthresh)
		}
		cwnd := s.conn.Info().Cwnd
		for range 5 {
			s.send(sacks(10100, 1100, 2100), "again and again")
		}
		if got := s.conn.Info().Cwnd; got != cwnd {
			t.Errorf("cwnd is %d, was %d: it is given back once", got, cwnd)
		}
	})
	// What was sent again before this recovery says nothing of it.
	script(t, sacking(10), func(s *dialogue) {
		// RFC 2883, RFC 4015
		s.establishAfter(50 * ms)
		s.write(1000)
		s.want(segment(100, 300, 1000), "text")
		s.wantAfter(145*ms, segment(100, 300, 1000), "a tail loss probe, for nothing")
		s.send(segment(300, 1100, 0), "the original was slow")
		s.write(10000)
		s.wantSegments(1100, 10, "a flight")
		s.advance(50 * ms)
		s.send(sacks(1100, 2100, 11100), "all but the first")
		s.want(segment(1100, 300, 1000), "lost, and sent again")
		s.send(sacks(1100, 100, 1100, 2100, 11100), "the probe has arrived too")
		s.send(segment(300, 11100, 0), "all is there")
		if got := s.conn.Info().Cwnd; got >= 10000 {
			t.Errorf("cwnd is %d: the recovery was undone for a copy of something else", got)
		}
	})
}

// TestForwardRecovery is RFC 5682, 3.1: after a timeout new text is sent, and tells whether what was before it had arrived.
func TestForwardRecovery(t *testing.T) {
	timeout := func(s *dialogue, written int) {
		s.establishAfter(50 * ms)
		s.write(written)
		s.wantSegments(100, 10, "a flight whose ACKs are late, or which is lost")
		s.advance(100 * ms)
		s.skip("tail loss probe")
		s.wantAfter(s.conn.Info().RTO, segment(100, 300, 1000), "1) retransmit the first unacknowledged segment")
	}
	script(t, sacking(10), func(s *dialogue) {
		// RFC 5682 3.1
		timeout(s, 60000)
		s.send(segment(300, 1100, 0), "2b) a new acknowledgment")
		s.want(segment(11100, 300, 1000), "new text, behind that of the probe")
		s.skip("a second one, perhaps")
		s.send(segment(300, 2100, 0), "3b) something that was not sent again")
		s.recovering(false, "the timeout was spurious")
		if got := s.conn.Info(); got.Cwnd < 10000 || got.Resent != 1 || got.Backoff != 0 {
			t.Errorf("cwnd is %d, %d were sent again, back-off is %d", got.Cwnd, got.Resent, got.Backoff)
		}
		s.skip("new text")
		s.send(segment(300, 12100, 0), "the rest")
		s.skip("new text")
	})
	script(t, sacking(10), func(s *dialogue) {
		// RFC 5682 3.1
		timeout(s, 60000)
		s.send(segment(300, 1100, 0), "2b) a new acknowledgment")
		s.want(segment(11100, 300, 1000), "new text")
		s.skip("a second one, perhaps")
		s.send(sacks(1100, 11100, 12100), "3a) covers more than RecoveryPoint: the rest is lost")
		s.want(segment(1100, 300, 1000), "conventional recovery")
		s.skip("more of it")
		if got := s.conn.Info(); got.Cwnd > 3000 || !got.Recovering {
			t.Errorf("cwnd is %d, want 3 * MSS at most; recovering %v", got.Cwnd, got.Recovering)
		}
		s.send(segment(300, 12100, 0), "the rest")
		s.skip("new text")
	})
	// "If the TCP sender is not able to transmit any previously unsent data [...] continue with slow-start retransmissions".
	script(t, sacking(10), func(s *dialogue) {
		// RFC 5682 3.1
		timeout(s, 10000)
		s.send(segment(300, 1100, 0), "a new acknowledgment, and nothing that is new to send")
		s.wantSegments(1100, 2, "slow start")
		s.send(segment(300, 3100, 0), "they have arrived")
		s.recovering(true, "these were sent again: nothing is known")
		s.skip("slow start")
		s.send(segment(300, 10100, 0), "all is there")
		if got := s.conn.Info().Ssthresh; got != 5000 {
			t.Errorf("ssthresh is %d, want half of the flight: nothing says that the timeout was spurious", got)
		}
	})
}
