package tcp_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// pass lets d go by on p, and what the machine sends on the way.
func (p *path) pass(d time.Duration) {
	p.Helper()
	end := p.now.Add(d)
	for p.carry(); ; p.carry() {
		next := p.conn.Deadline()
		if next.IsZero() || next.After(end) {
			break
		}
		p.advance(next.Sub(p.now))
	}
	p.advance(end.Sub(p.now))
	p.carry()
}

// After an outage the size from before it is tried first, not the largest: a path that was known to take less than both
// ends is back where it was.
func TestPathAfterOutage(t *testing.T) {
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		p := path{dialogue: s, hole: 1400}
		s.establish()
		p.transfer(100_000)
		p.learnt("a black hole", 1220, 1)
		p.news("the black hole", 1220, true)
		p.hole = 1
		s.write(50_000)
		p.pass(30 * time.Second)
		p.learnt("an outage of 30 s", 536, 3)
		p.news("an outage of 30 s", 0, false)
		p.hole = 1400
		p.transfer(100_000)
		p.learnt("the path is what it was, and a little more", 1360, 3)
	})
	// An outage and a black hole: one step back was right, the others were not.
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		p := path{dialogue: s, hole: 1}
		s.establish()
		s.write(100_000)
		p.pass(30 * time.Second)
		p.hole = 1400
		p.transfer(500_000)
		for range 10 {
			p.pass(5 * time.Second)
			p.transfer(1 << 18)
		}
		p.learnt("minutes later", 1360, 3)
		p.news("minutes later", 1360, true)
	})
}

// After several steps back others are told the one that is certain: that the path takes less than the size from before
// has shown when its probe was lost, and the further steps may have been for another reason.
func TestPathNewsOfSteps(t *testing.T) {
	script(t, setup{mss: 8960, peerMSS: 8960}, func(s *dialogue) {
		p := path{dialogue: s, hole: 1280}
		s.establish()
		p.transfer(200_000)
		p.learnt("two steps", 1220, 2)
		p.news("one of them", 1440, true)
	})
}

// RFC 4821, 7.6.4: that only the probe was lost shows when the recovery is over. More losses are congestion.
func TestPathProbeLostWithMore(t *testing.T) {
	for _, more := range []bool{false, true} {
		script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
			s.establish()
			s.conn.LimitMSS(s.now, 1220)
			s.advance(pathProbeInterval)
			s.write(2440)
			s.skip("two segments")
			s.send(segment(300, 100+2440, 0), "acknowledged")
			s.conn.Write(s.now, text(s.written, 6100))
			s.written += 6100
			s.drain()
			s.want(segment(100+2440, 300, 1360), "a probe")
			s.skip("more")
			for range 3 {
				s.send(segment(300, 100+2440, 0), "the probe is lost")
			}
			s.want(segment(100+2440, 300, 1220), "fast retransmit")
			if i := s.conn.Info(); i.Ssthresh != tcp.UnboundedThreshold {
				t.Errorf("ssthresh is %d for a probe", i.Ssthresh)
			}
			s.skip("more")
			s.send(segment(300, 100+2440+1220, 0), "the rest of the probe is missing")
			s.want(segment(100+2440+1220, 300, 140), "which is sent again")
			s.skip("more")
			if more {
				s.send(segment(300, 100+2440+1360, 0), "so is what follows it")
				if i := s.conn.Info(); i.Ssthresh == tcp.UnboundedThreshold {
					t.Error("other losses count for nothing")
				}
				s.skip("retransmission")
			}
			s.send(segment(300, 100+2440+6100, 0), "all has arrived")
			if i := s.conn.Info(); (i.Ssthresh == tcp.UnboundedThreshold) == more {
				t.Errorf("more were lost: %v; ssthresh is %d", more, i.Ssthresh)
			}
			s.conn.Abort(s.now)
			s.drain()
			s.skip("reset")
		})
	}
}

// RFC 5681, 3.1: a timeout halves the flight, also where it makes segments smaller.
func TestTooBigTimeoutThreshold(t *testing.T) {
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		p := path{dialogue: s}
		s.establish()
		p.transfer(1460)
		s.write(10 * 1460)
		s.skip("lost")
		s.conn.TooBig(s.now, s.machineBase.Add(100+1460), 1200)
		flight := s.conn.Info().Flight
		s.advance(s.conn.Info().RTO)
		s.want(segment(100+1460, 300, 1200), "smaller")
		if i := s.conn.Info(); i.Ssthresh != flight/2 {
			t.Errorf("ssthresh is %d after a flight of %d", i.Ssthresh, flight)
		}
		s.conn.Abort(s.now)
		s.drain()
		s.skip("reset")
	})
}

// A limit that is no less than what the peer takes is none: there is nothing to be tried, and nothing to be told.
func TestPathLimitBeyondPeer(t *testing.T) {
	script(t, setup{mss: 1460, peerMSS: 1000}, func(s *dialogue) {
		s.conn.LimitMSS(s.now, 1300)
		p := path{dialogue: s}
		s.establish()
		s.advance(pathProbeInterval)
		p.transfer(100_000)
		p.learnt("a peer that takes 1000", 1300, 0)
		p.news("a peer that takes 1000", 0, false)
	})
	// Nor does its size say what a path carries to others.
	script(t, setup{mss: 1460, peerMSS: 1000}, func(s *dialogue) {
		s.conn.LimitMSS(s.now, 900)
		p := path{dialogue: s}
		s.establish()
		s.advance(pathProbeInterval)
		p.transfer(100_000)
		p.learnt("a peer that takes 1000", 0, 0)
		p.news("a peer that takes 1000", 0, false)
	})
}

// No SYN is too big.
func TestTooBigSYN(t *testing.T) {
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.skip("SYN")
		s.conn.TooBig(s.now, s.machineBase.Add(99), 512)
		if i := s.conn.Info(); i.PathMSS != 0 {
			t.Errorf("a forged error about a SYN makes the path take %d", i.PathMSS)
		}
		s.conn.Abort(s.now)
	})
}
