package tcp_test

import (
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// Text that finds no memory.

// squeezed is a connection whose stack has memory for some text, and none when hog has taken it.
type squeezed struct {
	chunks tcp.Chunks
	hogged int
}

func (q *squeezed) config(c *tcp.Config) { c.Chunks = &q.chunks }

// hog takes all that holders may have.
func (q *squeezed) hog() {
	for n := 64; q.chunks.Take(n, 0); {
		q.hogged += n
	}
}

func (q *squeezed) free() { q.chunks.Give(q.hogged); q.hogged = 0 }

// fill lets the peer send segments of 1000 bytes until one is refused.
func (q *squeezed) fill(s *dialogue) {
	s.Helper()
	s.reason = tcp.ReasonTaken
	for at := 300; s.reason != tcp.ReasonNoMemory; at += 1000 {
		s.receive(segment(at, 100, 1000), "text")
	}
	s.haveOurs = false // SHLD-14: here the edge does move to the left
	s.drain()
}

// TestRefusedTextClosesWindow: the ACK of text that finds no memory has a window of zero, probes are answered likewise, and
// the peer is told as soon as there is memory, of this queue or of all.
func TestRefusedTextClosesWindow(t *testing.T) {
	for _, how := range []string{"the user reads", "others give back", "a probe finds it"} {
		var q squeezed
		script(t, setup{config: q.config}, func(s *dialogue) {
			q = squeezed{}
			q.chunks.SetLimit(512<<10, func() {})
			s.establish()
			q.hog()
			q.fill(s)
			i := s.conn.Info()
			next, last := 300+i.Unread, s.unseen[len(s.unseen)-1]
			if last.Window != 0 || last.Ack != s.peerBase.Add(next) || !s.conn.Refused() {
				s.Fatalf("%d bytes were taken, and the last segment is %v", i.Unread, last)
			}
			s.unseen = nil
			shut := fmt.Sprintf("<SEQ=100><ACK=%d><CTL=ACK><WND=0>", next)
			s.send(segment(next, 100, 1000), "again")
			s.want(shut, "in vain")
			s.send(segment(next-1, 100, 0), "a probe of the kind that has no text")
			s.want(shut, "the window is still closed")
			switch how {
			case "the user reads":
				s.read(i.Unread)
			case "others give back":
				q.free()
				s.conn.MemoryFreed()
				s.drain()
			default:
				q.free()
				s.advance(s.cfg.DelayedACK * 20)
				s.send(segment(next-1, 100, 0), "a probe")
			}
			if len(s.unseen) != 1 || s.unseen[0].Window < 1900 || s.conn.Refused() {
				s.Fatalf("%s: %v", how, s.unseen)
			}
			s.unseen = nil
			q.free()
			for at := next; at < next+20_000; at += 1000 {
				s.send(segment(at, 100, 1000), "what was offered before is taken")
				s.skip("ACK")
				if s.reason != tcp.ReasonTaken {
					s.Fatalf("%s: text at %d: %v", how, at, s.reason)
				}
				s.read(1000)
				s.skip("window update")
			}
		})
	}
}

// TestWindowClosesOverText: the peer has no memory for what was sent into its window. It is probed, for as long as it answers,
// and told again when the window opens, at once and as if nothing were congested.
func TestWindowClosesOverText(t *testing.T) {
	// RFC 9293 MUST-34, MUST-35, MUST-37
	for _, probes := range []int{0, 1, 40} {
		for _, taken := range []int{0, 1} {
			script(t, setup{window: 8000}, func(s *dialogue) {
				s.establishOver(100 * ms)
				s.write(4000)
				s.skip("a flight")
				s.advance(100 * ms)
				s.send("<SEQ=300><ACK=4100><CTL=ACK>", "acknowledged")
				s.write(4000)
				s.skip("another")
				before := s.conn.Info().Cwnd
				s.advance(100 * ms)
				s.send("<SEQ=300><ACK=4100><CTL=ACK><WND=0>", "refused")
				for range probes {
					s.advance(s.conn.Info().RTO + ms)
					for _, p := range s.unseen {
						if p.Len > 1 {
							s.Fatalf("%v in a closed window", p)
						}
					}
					s.unseen = nil
					s.send("<SEQ=300><ACK=4100><CTL=ACK><WND=0>", "still closed")
				}
				s.advance(200 * ms)
				s.unseen = nil
				if probes == 0 {
					taken = 0
				}
				s.send(segment(300, 4100+taken, 0)+"<WND=8000>", "the window opens")
				n := 0
				for _, seg := range s.unseen {
					n += seg.Len
				}
				if n != 4000-taken || s.unseen[0].Seq != s.machineBase.Add(4100+taken) {
					s.Errorf("after %d probes %d bytes are sent again at once, want all 4000", probes, n)
				}
				s.unseen = nil
				s.advance(100 * ms)
				s.send("<SEQ=300><ACK=8100><CTL=ACK><WND=8000>", "acknowledged")
				if i := s.conn.Info(); i.Cwnd < before {
					s.Errorf("the congestion window has %d bytes, and had %d", i.Cwnd, before)
				}
			})
		}
	}
}
