package tcp_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Path MTU discovery: RFC 4821, and RFC 5927, 7.2.

// A path carries segments of some sizes to a peer that takes all that arrives, and acknowledges each segment.
type path struct {
	*dialogue
	hole     int // larger segments vanish; 0: none do
	arrived  []bool
	acked    int   // bytes
	sizes    []int // of what was sent, in its order
	lost     int
	lastSize int
}

// carry takes what the machine has sent along the path, until the machine has no more to say. Segments are bytes of text.
func (p *path) carry() {
	p.Helper()
	for len(p.unseen) > 0 {
		got := p.unseen[0]
		p.unseen = p.unseen[1:]
		size := got.Len
		if got.SegmentSize > 0 {
			size = got.SegmentSize
		}
		p.sizes, p.lastSize = append(p.sizes, size), size
		if p.hole > 0 && size > p.hole {
			p.lost++
			continue
		}
		first := got.Seq.Sub(p.machineBase.Add(machineText))
		p.arrived = slices.Grow(p.arrived, p.written)[:p.written]
		for i := range got.Len {
			p.arrived[first+i] = true
		}
		for p.acked < p.written && p.arrived[p.acked] {
			p.acked++
		}
		p.receive(segment(300, machineText+p.acked, 0), "")
		p.dialogue.drain()
	}
}

// transfer writes n bytes and lets time go on until they are acknowledged.
func (p *path) transfer(n int) {
	p.Helper()
	start := p.now
	for p.write(n); ; p.advance(p.conn.Deadline().Sub(p.now)) {
		p.carry()
		if p.acked == p.written {
			return
		}
		if p.now.Sub(start) > time.Minute {
			p.Fatalf("%d of %d bytes have arrived after a minute: %+v", p.acked, p.written, p.conn.Info())
		}
	}
}

func (p *path) learnt(what string, mss, holes int) {
	p.Helper()
	if i := p.conn.Info(); i.PathMSS != mss || i.BlackHoles != holes {
		p.Errorf("%s: the path takes %d after %d black holes, want %d and %d", what, i.PathMSS, i.BlackHoles, mss, holes)
	}
}

func (p *path) news(what string, mss int, want bool) {
	p.Helper()
	if got, ok := p.conn.PathNews(); ok != want || ok && got != mss {
		p.Errorf("%s: the news are %d, %v, want %d, %v", what, got, ok, mss, want)
	}
}

// biggest returns the largest size that was sent since the last call.
func (p *path) biggest() int {
	n := slices.Max(p.sizes)
	p.sizes = nil
	return n
}

// RFC 4821, 7.7: what vanishes three times is sent in smaller segments.
func TestBlackHole(t *testing.T) {
	for _, c := range []struct{ mss, hole, want, holes int }{
		{1460, 1400, 1220, 1},
		{1460, 1220, 1220, 1},
		{1440, 1219, 984, 2},
		{1460, 900, 536, 3},
		{8960, 8000, 1440, 1},
		{8960, 1400, 1220, 2},
	} {
		for _, maxSegment := range []int{0, 60000} {
			t.Run(fmt.Sprint(c, maxSegment), func(t *testing.T) {
				script(t, setup{mss: c.mss, peerMSS: c.mss, maxSegment: maxSegment}, func(s *dialogue) {
					p := path{dialogue: s, hole: c.hole}
					s.establish()
					rto := s.conn.Info().RTO
					start := s.now
					p.transfer(c.mss) // too little to try the old size again
					p.learnt("the path loses what is large", c.want, c.holes)
					p.news("it may have been an outage: nobody else is told", 0, false)
					if d, want := s.now.Sub(start), time.Duration(1<<(2+c.holes)-1)*rto; d > want+ms {
						t.Errorf("it took %v, want %v", d, want)
					}
					p.biggest()
					p.transfer(3000)
					if n := p.biggest(); n != c.want {
						t.Errorf("the next text goes in segments of %d, want %d", n, c.want)
					}
				})
			})
		}
	}
}

// RFC 4821, 7.6: after a black hole the old size is tried once, which shows whether it was one; its loss is no sign of
// congestion. The next time is ten minutes later, and then each larger size that gets through.
func TestPathProbes(t *testing.T) {
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		p := path{dialogue: s, hole: 1400}
		s.establish()
		p.transfer(100_000)
		p.learnt("a black hole", 1220, 1)
		if lost := p.lost; lost != 10+2+1 {
			t.Errorf("%d segments were lost, want the initial window, two retransmissions of its first and one probe", lost)
		}
		before := s.conn.Info()
		if before.Ssthresh != 7300 || before.Cwnd < before.Ssthresh {
			t.Errorf("ssthresh is %d and cwnd %d: half of the flight that was lost, want no more than that", before.Ssthresh, before.Cwnd)
		}
		p.news("the black hole, which the probe has shown", 1220, true)
		p.news("not twice", 0, false)
		s.advance(pathProbeInterval - time.Minute)
		p.biggest()
		p.transfer(200_000)
		if n := p.biggest(); n != 1220 {
			t.Errorf("a segment of %d nine minutes later, want none that is larger than %d", n, 1220)
		}
		s.advance(time.Minute)
		p.transfer(200_000)
		p.learnt("the next size got through, the one behind it did not", 1360, 1)
		if n := p.biggest(); n != 1440 {
			t.Errorf("the largest segment has %d, want the size after the one that got through", n)
		}
		p.news("a path that takes more, and not all", 1360, true)
		p.hole = 0
		s.advance(pathProbeInterval)
		p.transfer(200_000)
		p.learnt("a path without a hole", 0, 1)
		p.news("a path without a hole", 0, true)
		if i := s.conn.Info(); i.MSS != 1460 || p.lastSize > 1460 {
			t.Errorf("MSS is %d, want 1460", i.MSS)
		}
	})
	// What looked like a black hole was none.
	script(t, setup{mss: 1460, peerMSS: 1460, maxSegment: 50000}, func(s *dialogue) {
		p := path{dialogue: s, hole: 1}
		s.establish()
		rto := s.conn.Info().RTO
		s.write(5000)
		p.carry()
		for i := range 4 {
			s.advance(rto << i)
			p.carry()
		}
		p.learnt("nothing gets through", 984, 2)
		p.hole = 0
		p.transfer(100_000)
		p.learnt("all does", 0, 3)
		p.news("all does", 0, true)
	})
	// A probe that is lost with others, and one that the link refuses.
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		s.establish()
		s.conn.LimitMSS(s.now, 1220)
		s.advance(pathProbeInterval)
		s.write(2440)
		s.skip("two segments")
		s.send(segment(300, 100+1220, 0), "acknowledged")
		s.conn.Write(s.now, text(s.written, 50_000))
		s.written += 50_000
		s.drain()
		s.want(segment(100+2440, 300, 1360), "a probe")
		s.unseen = append([]heard{s.last}, s.unseen...)
		s.refuse(len(s.unseen))
		s.drain()
		s.want(segment(100+2440, 300, 1360), "once there is room")
		s.skip("more")
		for range 3 {
			s.send(segment(300, 100+1220, 0), "what is in front of the probe is lost")
			if len(s.unseen) > 0 && s.unseen[0].Seq == s.machineBase.Add(100+1220) {
				s.want(segment(100+1220, 300, 1220), "fast retransmit")
			}
			s.skip("more")
		}
		if i := s.conn.Info(); i.Ssthresh == tcp.UnboundedThreshold {
			t.Error("a loss in front of a probe counts for nothing")
		}
		s.conn.Abort(s.now)
		s.drain()
		s.skip("reset")
	})
}

const pathProbeInterval = 10 * time.Minute

// ICMP has told that the network is down: no hole is looked for.
func TestNoBlackHoleWithReason(t *testing.T) {
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		p := path{dialogue: s, hole: 1}
		s.establish()
		s.write(5000)
		p.carry()
		s.conn.Unreachable(s.now, tcp.ErrNetUnreachable, false)
		for range 5 {
			s.advance(s.conn.Info().RTO)
			p.carry()
		}
		p.learnt("the network was down", 0, 0)
	})
}

// IPv6's default is its least MTU.
func TestBlackHoleFloor(t *testing.T) {
	script(t, setup{mss: 1440, peerMSS: -1}, func(s *dialogue) {
		s.conn.Init(&s.cfg, tcp.Params{ISS: s.machineBase.Add(99), MSS: 1440, DefaultMSS: 1220})
		s.defaultMSS = 1220
		p := path{dialogue: s, hole: 1000}
		s.establish()
		s.write(5000)
		p.carry()
		for range 6 {
			s.advance(s.conn.Info().RTO)
			p.carry()
		}
		p.learnt("IPv6 carries 1280 bytes", 0, 0)
		if p.lastSize != 1220 {
			t.Errorf("segments of %d, want 1220", p.lastSize)
		}
	})
}

// RFC 5927, 7.2: an ICMP error is believed at once as long as nothing larger has arrived, and otherwise when the segment
// has timed out.
func TestTooBig(t *testing.T) {
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		p := path{dialogue: s}
		s.establish()
		s.write(1460)
		s.want(segment(100, 300, 1460), "full-sized")
		s.conn.TooBig(s.now, s.machineBase.Add(99), 1000)
		s.conn.TooBig(s.now, s.machineBase.Add(1560), 1000)
		s.conn.TooBig(s.now, s.machineBase.Add(100), 1460)
		p.learnt("what is not outstanding, or no less", 0, 0)
		s.conn.TooBig(s.now, s.machineBase.Add(100), 1400)
		s.drain()
		s.want(segment(100, 300, 1400), "believed at once")
		s.want(segment(1500, 300, 60), "in smaller segments")
		p.news("from ICMP", 1400, true)
		s.send(segment(300, 1560, 0), "it has arrived")

		s.write(1400)
		s.want(segment(1560, 300, 1400), "full-sized")
		s.conn.TooBig(s.now, s.machineBase.Add(1560), 1300)
		s.drain()
		s.idle("1400 bytes have arrived before")
		s.send(segment(300, 2960, 0), "and did so again: the error was forged")
		s.write(1400)
		s.want(segment(2960, 300, 1400), "full-sized")
		s.advance(s.conn.Info().RTO)
		s.want(segment(2960, 300, 1400), "no error is pending")
		s.conn.TooBig(s.now, s.machineBase.Add(2960), 1300)
		s.drain()
		s.idle("believed once it has timed out")
		p.learnt("not yet", 1400, 0)
		s.advance(s.conn.Info().RTO)
		s.want(segment(2960, 300, 1300), "now it is believed")
		p.learnt("now", 1300, 0)
		p.news("from ICMP", 1300, true)
		s.send(segment(300, 4260, 0), "acknowledged")
		s.want(segment(4260, 300, 100), "the rest")
		s.send(segment(300, 4360, 0), "acknowledged")
	})
	// Before the handshake is over.
	script(t, setup{mss: 1460, peerMSS: 1460}, func(s *dialogue) {
		s.conn.LimitMSS(s.now, 1300)
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN><MSS=1460>", "what others have learnt of the path is not told: the way back may be another")
		s.conn.TooBig(s.now, s.machineBase.Add(99), 1200) // no SYN is that long
		s.drain()
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><MSS=1460>", "peer answers")
		s.want(segment(100, 300, 0), "handshake")
		s.write(1300)
		s.want(segment(100, 300, 1300), "what the path takes")
		s.conn.SetMSS(s.now, 1460)
		s.drain()
		s.skip("another link, of which nothing is known")
		s.send(segment(300, 1400, 0), "acknowledged")
		s.write(1460)
		s.want(segment(1400, 300, 1460), "what the other link takes")
		s.send(segment(300, 2860, 0), "acknowledged")
	})
}
