package tcp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Windows of both sides: RFC 9293, 3.8.6.

func TestReceiverSillyWindow(t *testing.T) {
	script(t, setup{config: smallBuffer}, func(s *dialogue) {
		// RFC 9293 MUST-39, SHLD-14
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=4000>", "fills the window")
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=0>", "user does not read")
		for range 9 {
			s.read(100)
			s.idle("the reduction is below min(RCV.BUFF/2, Eff.snd.MSS) = 1000")
		}
		s.send("<SEQ=4300><ACK=100><CTL=ACK><DATA=1>", "a probe")
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=0>", "RCV.NXT+RCV.WND stays fixed")
		s.read(100)
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=1000>", "1000: window update")
		s.send("<SEQ=4300><ACK=100><CTL=ACK><DATA=700>", "part of it")
		s.read(900)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=5000><CTL=ACK><WND=300>", "edge stays at 5300: 900 more are free")
		s.read(2100)
		s.want("<SEQ=100><ACK=5000><CTL=ACK><WND=3300>", "3000 more are free: window update")
	})
	// A buffer that is smaller than two segments: half of it counts.
	script(t, setup{mss: 3000, peerMSS: 3000, config: smallBuffer}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=4000>", "fills the window")
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=0>", "user does not read")
		s.read(1999)
		s.idle("less than half of the buffer")
		s.read(1)
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=2000>", "half of the buffer")
		s.read(2000)
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=4000>", "all of it")
	})
}

// A FIN takes no room: it is taken at the edge of a window that is full.
func TestFINAtFullWindow(t *testing.T) {
	script(t, setup{config: smallBuffer}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK><DATA=4000>", "fills the window, and FIN behind it")
		s.want("<SEQ=100><ACK=4301><CTL=ACK><WND=0>", "all is acknowledged")
		s.state(tcp.StateCloseWait)
		s.write(10)
		s.want("<SEQ=100><ACK=4301><CTL=ACK><DATA=10>", "the other direction goes on")
		s.send("<SEQ=4301><ACK=110><CTL=ACK>", "acknowledged, from behind the FIN")
		s.advance(10 * s.cfg.MaxRTO)
		s.idle("that ACK was taken")
		s.read(4000)
		s.end()
	})
	script(t, setup{config: smallBuffer}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=4000>", "fills the window")
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=0>", "acknowledged")
		s.send("<SEQ=4300><ACK=100><CTL=FIN,ACK>", "FIN alone")
		s.want("<SEQ=100><ACK=4301><CTL=ACK><WND=0>", "acknowledged")
		s.read(4000)
		s.end()
	})
}

// RFC 9293, 3.8.6: "A TCP receiver SHOULD NOT shrink the window". hear checks it for each segment of each script; this one
// reads and sends in odd sizes, with the buffer full and empty.
func TestWindowNeverShrinks(t *testing.T) {
	// RFC 9293 SHLD-14
	for _, size := range []int{1, 7, 333, 999, 1000, 1001, 3999} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			script(t, setup{config: smallBuffer}, func(s *dialogue) {
				s.establish()
				at, unread := 300, 0
				for i := range 200 {
					room := s.ours.Sub(s.peerBase.Add(at))
					if n := min(size+i%3, room); n > 0 {
						s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=%d>", at, n), "as much as the window takes")
						at, unread = at+n, unread+n
					}
					s.unseen = nil
					if n := min(unread, (size*i)%1501); n > 0 {
						s.read(n)
						unread -= n
					}
					s.unseen = nil
					s.advance(17 * ms)
					s.unseen = nil
				}
				if at < 300+200 {
					t.Errorf("only %d bytes arrived: the window closed for ever", at-300)
				}
			})
		})
	}
}

func TestSenderSillyWindow(t *testing.T) {
	script(t, setup{window: 4000}, func(s *dialogue) {
		// RFC 9293 MUST-38
		s.establish()
		s.write(10000)
		for i := range 4 {
			s.want(fmt.Sprintf("<SEQ=%d><ACK=300><CTL=ACK><DATA=1000>", 100+1000*i), "all that the window allows")
		}
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=3100>", "usable window is 100")
		s.idle("neither a segment of full size nor half of the largest window")
		s.send("<SEQ=300><ACK=2100><CTL=ACK><WND=2900>", "900")
		s.idle("still not a segment of full size")
		s.send("<SEQ=300><ACK=3100><CTL=ACK><WND=2000>", "1000")
		s.want("<SEQ=4100><ACK=300><CTL=ACK><DATA=1000>", "a segment of full size")
		s.send("<SEQ=300><ACK=5100><CTL=ACK><WND=400>", "400, and nothing is outstanding")
		s.wantAfter(s.cfg.Override, "<SEQ=5100><ACK=300><CTL=ACK><DATA=400>", "the override timeout")
		s.send("<SEQ=300><ACK=5500><CTL=ACK><WND=4000>", "the window opens")
		for i := range 4 {
			s.want(fmt.Sprintf("<SEQ=%d><ACK=300><CTL=ACK><DATA=1000>", 5500+1000*i), "segments of full size")
		}
		s.send("<SEQ=300><ACK=9500><CTL=ACK>", "acknowledged")
		s.want("<SEQ=9500><ACK=300><CTL=ACK><DATA=600>", "the rest: all queued data can be sent")
		s.send("<SEQ=300><ACK=10100><CTL=ACK>", "acknowledged")
	})
	// A peer whose window is never as large as a segment: Fs * Max(SND.WND) counts, Fs = 1/2.
	script(t, setup{window: 600}, func(s *dialogue) {
		// RFC 9293 MUST-38
		s.establish()
		s.write(2000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=600>", "the largest window there was")
		s.send("<SEQ=300><ACK=700><CTL=ACK><WND=200>", "less than half of it")
		s.idle("waits")
		s.send("<SEQ=300><ACK=700><CTL=ACK><WND=300>", "half of it")
		s.want("<SEQ=700><ACK=300><CTL=ACK><DATA=300>", "is sent")
		s.send("<SEQ=300><ACK=1000><CTL=ACK><WND=600>", "acknowledged")
		s.want("<SEQ=1000><ACK=300><CTL=ACK><DATA=600>", "again")
		s.send("<SEQ=300><ACK=1600><CTL=ACK><WND=600>", "acknowledged")
		s.want("<SEQ=1600><ACK=300><CTL=ACK><DATA=500>", "the rest")
		s.send("<SEQ=300><ACK=2100><CTL=ACK><WND=600>", "acknowledged")
	})
}

func TestZeroWindowProbes(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-36, MUST-37, SHLD-29, SHLD-30
		s.establish()
		s.write(3000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		wait := s.conn.Info().RTO
		for total := 0 * ms; total < 2*s.cfg.R2; total += wait {
			s.wantAfter(wait, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "first probe after the RTO, then with exponential back-off")
			s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is still closed")
			wait = min(2*wait, s.cfg.MaxRTO)
		}
		s.state(tcp.StateEstablished) // for much longer than R2
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=2000>", "window opens")
		s.want("<SEQ=1100><ACK=300><CTL=ACK><DATA=1000>", "text goes on, the probe's byte with it")
		s.want("<SEQ=2100><ACK=300><CTL=ACK><DATA=1000>", "to the window's end")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=2000>", "the answer to a late probe")
		s.idle("text is not sent twice for that")
		s.send("<SEQ=300><ACK=3100><CTL=ACK><WND=2000>", "acknowledged")
		s.advance(s.cfg.R2)
		s.idle("all is acknowledged")
	})
	// The peer may take the byte of a probe.
	script(t, setup{window: 1000}, func(s *dialogue) {
		s.establish()
		s.write(3000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.wantAfter(s.conn.Info().RTO, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "probe")
		s.send("<SEQ=300><ACK=1101><CTL=ACK><WND=1000>", "taken, and the window is open")
		s.want("<SEQ=1101><ACK=300><CTL=ACK><DATA=1000>", "goes on behind it")
		s.send("<SEQ=300><ACK=2101><CTL=ACK><WND=1000>", "acknowledged")
		s.want("<SEQ=2101><ACK=300><CTL=ACK><DATA=999>", "the rest")
		s.send("<SEQ=300><ACK=3100><CTL=ACK><WND=1000>", "acknowledged")
	})
	// A probe is one byte of text, whatever waits behind it.
	script(t, setup{window: 1000}, func(s *dialogue) {
		s.establish()
		s.write(1001)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.closeWrite()
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.wantAfter(s.conn.Info().RTO, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1>", "the last byte, without FIN")
		s.send("<SEQ=300><ACK=1101><CTL=ACK><WND=0>", "taken")
		s.wantAfter(s.conn.Info().RTO, "<SEQ=1101><ACK=300><CTL=FIN,ACK>", "then FIN")
		s.send("<SEQ=300><ACK=1102><CTL=ACK><WND=0>", "acknowledged")
	})
	// Without a user nobody waits for ever for a window to open.
	script(t, setup{window: 1000}, func(s *dialogue) {
		s.establish()
		s.write(3000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.close()
		for limit := s.now.Add(3 * s.cfg.R2); s.conn.State() != tcp.StateClosed; {
			s.advance(10 * time.Second)
			if len(s.unseen) > 0 {
				s.skip("probe")
				s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "still closed")
			}
			if s.now.After(limit) {
				t.Fatalf("connection without a user is %v after %v", s.conn.State(), 3*s.cfg.R2)
			}
		}
		s.ended(tcp.ErrTimeout)
	})
	// A FIN behind a closed window probes it too.
	script(t, setup{window: 1000}, func(s *dialogue) {
		s.establish()
		s.write(1000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.closeWrite()
		if len(s.unseen) == 0 {
			s.advance(s.conn.Info().RTO + ms)
		}
		s.want("<SEQ=1100><ACK=300><CTL=FIN,ACK>", "FIN, for which no window is needed")
		s.send("<SEQ=300><ACK=1101><CTL=ACK><WND=0>", "acknowledged")
		s.state(tcp.StateFinWait2)
	})
	// A peer that does not answer the probes is gone.
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-20
		s.establish()
		s.write(3000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window is closed")
		s.advance(2 * s.cfg.R2)
		s.unseen = nil
		s.ended(tcp.ErrTimeout)
	})
}

// RFC 9293, 3.10.7.4: "The check here prevents using old segments to update the window."
func TestOldWindows(t *testing.T) {
	script(t, setup{window: 2000}, func(s *dialogue) {
		s.establish()
		s.write(4000)
		s.wantSegments(100, 2, "fills the window")
		s.send("<SEQ=310><ACK=2100><CTL=ACK><WND=1000>", "SND.WL1 is 310, SND.WL2 2100")
		s.want("<SEQ=2100><ACK=300><CTL=ACK><DATA=1000>", "window has moved")
		s.send("<SEQ=300><ACK=2100><CTL=ACK><WND=9000>", "SEG.SEQ < SND.WL1: an older segment")
		s.idle("its window is old")
		s.send("<SEQ=310><ACK=1100><CTL=ACK><WND=9000>", "SEG.SEQ = SND.WL1, SEG.ACK < SND.WL2: an older segment")
		s.idle("its window is old")
		if got := s.conn.Info().SndWnd; got != 1000 {
			t.Errorf("SND.WND is %d, want 1000", got)
		}
		s.send("<SEQ=310><ACK=2100><CTL=ACK><WND=2000>", "SEG.SEQ = SND.WL1, SEG.ACK = SND.WL2")
		s.want("<SEQ=3100><ACK=300><CTL=ACK><DATA=1000>", "its window is new")
		s.send("<SEQ=310><ACK=4100><CTL=ACK><WND=500>", "SEG.SEQ = SND.WL1, SEG.ACK > SND.WL2")
		if got := s.conn.Info().SndWnd; got != 500 {
			t.Errorf("SND.WND is %d, want 500", got)
		}
	})
}

// RFC 9293, 3.8.6: "a sending TCP peer MUST be robust against window shrinking".
func TestPeerShrinksWindow(t *testing.T) {
	script(t, setup{window: 4000}, func(s *dialogue) {
		// RFC 9293 MUST-34, SHLD-15, SHLD-16
		s.establish()
		s.write(6000)
		for i := range 4 {
			s.want(fmt.Sprintf("<SEQ=%d><ACK=300><CTL=ACK><DATA=1000>", 100+1000*i), "fills the window")
		}
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=2000>", "right edge moves from 4100 to 3100")
		s.idle("usable window is -1000: no new data")
		s.wantAfter(s.conn.Info().RTO, "<SEQ=1100><ACK=300><CTL=ACK><DATA=1000>", "old data within the window is sent again")
		s.send("<SEQ=300><ACK=2100><CTL=ACK><WND=1000>", "acknowledged")
		s.want("<SEQ=2100><ACK=300><CTL=ACK><DATA=1000>", "more of it")
		s.send("<SEQ=300><ACK=3100><CTL=ACK><WND=3000>", "window opens again")
		for i := range 3 {
			s.want(fmt.Sprintf("<SEQ=%d><ACK=300><CTL=ACK><DATA=1000>", 3100+1000*i), "the rest")
			if i == 0 { // after a timeout the congestion window has only two segments
				continue
			}
			break
		}
		s.send("<SEQ=300><ACK=5100><CTL=ACK><WND=3000>", "acknowledged")
		s.want("<SEQ=5100><ACK=300><CTL=ACK><DATA=1000>", "the last")
		s.send("<SEQ=300><ACK=6100><CTL=ACK><WND=3000>", "acknowledged")
	})
	script(t, setup{window: 4000}, func(s *dialogue) {
		// RFC 9293 MUST-35, SHLD-17
		s.establish()
		s.write(6000)
		for i := range 4 {
			s.want(fmt.Sprintf("<SEQ=%d><ACK=300><CTL=ACK><DATA=1000>", 100+1000*i), "fills the window")
		}
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "window shrinks to zero, with 3000 bytes outstanding")
		wait := s.conn.Info().RTO
		for total := 0 * ms; total < 2*s.cfg.R2; total += wait {
			s.advance(wait + ms)
			if len(s.unseen) != 1 || s.unseen[0].Len > 1 || s.unseen[0].Seq != s.machineBase.Add(1100) {
				t.Fatalf("want one probe at 1100, have %d segments", len(s.unseen))
			}
			s.unseen = nil
			s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=0>", "still closed")
			wait = min(2*wait, s.cfg.MaxRTO)
		}
		s.state(tcp.StateEstablished) // data beyond the right edge does not time it out
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=4000>", "window opens")
		s.want("<SEQ=1100><ACK=300><CTL=ACK><DATA=1000>", "text goes on")
		s.unseen = nil
	})
}

// A user who wants less to wait: what the peer was offered before stays offered.
func TestBufferSizes(t *testing.T) {
	script(t, setup{config: func(c *tcp.Config) { c.ReceiveBuffer, c.SendBuffer = 20_000, 20_000 }}, func(s *dialogue) {
		// RFC 9293 SHLD-14
		s.establish()
		s.conn.SetReceiveBuffer(s.now, 5000)
		for at := 300; at < 15300; at += 1000 {
			s.send(segment(at, 100, 1000), "what fits the window of before")
			s.skip("acknowledged")
		}
		if i := s.conn.Info(); i.RcvWnd != 5000 {
			t.Errorf("a window of %d, want what is left of 20000", i.RcvWnd)
		}
		s.read(15000)
		s.skip("acknowledged")
		for at := 15300; at < 18300; at += 1000 {
			s.send(segment(at, 100, 1000), "more")
			s.skip("acknowledged")
		}
		if i := s.conn.Info(); i.RcvWnd > 5000-3000 {
			t.Errorf("a window of %d with 3000 bytes in a buffer of 5000", i.RcvWnd)
		}
		s.conn.SetReceiveBuffer(s.now, 1<<20)
		s.drain()
		s.want("<SEQ=100><ACK=18300><CTL=ACK><WND=17000>", "the bound of the configuration")

		s.conn.SetSendBuffer(s.now, 1)
		if n, err := s.conn.Write(s.now, text(0, 5000)); n != 2048 || err != nil {
			t.Errorf("Write takes %d, %v, want the least buffer", n, err)
		}
		if s.conn.Writable() {
			t.Error("Writable with a full buffer")
		}
		s.drain()
		s.skip("text")
		s.send(segment(18300, 2148, 0), "acknowledged")
		s.conn.SetSendBuffer(s.now, 1<<20)
		if got := s.conn.SendBuffer(); got != 20_000 {
			t.Errorf("a send buffer of %d, want 20000", got)
		}
	})
}
