package tcp_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Blind attacks: RFC 5961. What each state answers stands in script_states_test.go.

// RFC 5961, 3.2: a peer that has really reset the connection answers the challenge with a RST that fits.
func TestChallengeIsAnswered(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=400><CTL=RST>", "RST in the window, but 100 off: text before it was lost")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "challenge ACK")
		s.send("<SEQ=300><CTL=RST>", "the answer takes its number from that ACK")
		s.ended(tcp.ErrReset)
	})
	// 4.2: a peer that has restarted sends a SYN, is challenged, and resets what is left of the old connection.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=7000><CTL=SYN><MSS=1000>", "peer has restarted")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "challenge ACK")
		s.send("<SEQ=300><CTL=RST>", "peer knows nothing of that")
		s.ended(tcp.ErrReset)
	})
}

// RFC 5961, 7: "An implementation SHOULD include an ACK throttling mechanism to be conservative."
func TestChallengesAreLimited(t *testing.T) {
	limited := func(c *tcp.Config) { c.ChallengeACKs = tcp.NewChallengeLimiter(10, nil) }
	script(t, setup{config: limited}, func(s *dialogue) {
		s.establish()
		flood := func() (n int) {
			for range 100 {
				s.send("<SEQ=400><CTL=RST>", "an attacker's guess")
				n += len(s.unseen)
				s.skip("challenge ACK, or none")
			}
			return n
		}
		if n := flood(); n < 5 || n > 15 {
			t.Errorf("%d challenge ACKs in a second, want about 10", n)
		}
		s.advance(time.Second)
		if n := flood(); n < 5 || n > 15 {
			t.Errorf("%d challenge ACKs in the next second, want about 10", n)
		}
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=2000>", "the true peer")
		s.want("<SEQ=100><ACK=2300><CTL=ACK>", "is not affected")
		s.read(2000)
	})
	// The limit is that of the stack: what one connection uses up, another one does not have.
	limit := tcp.NewChallengeLimiter(10, nil)
	sum := 0
	for range 3 {
		script(t, setup{config: func(c *tcp.Config) { c.ChallengeACKs = limit }}, func(s *dialogue) {
			s.establish()
			for range 50 {
				s.send("<SEQ=400><CTL=RST>", "an attacker's guess")
				sum += len(s.unseen)
				s.skip("challenge ACK, or none")
			}
		})
	}
	if sum > 15 {
		t.Errorf("%d challenge ACKs of a stack in a second, want about 10", sum)
	}
}

// RFC 9293, 3.10.7.4, and RFC 5961, 5: text with an ACK that no honest peer could send is not taken.
func TestBlindInjection(t *testing.T) {
	script(t, setup{window: 10000}, func(s *dialogue) {
		s.establish()
		s.write(30)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=30>", "text")
		s.send("<SEQ=300><ACK=130><CTL=ACK>", "acknowledged: SND.UNA is 130")
		s.send("<SEQ=300><ACK=131><CTL=ACK><DATA=10>", "an ACK from the future")
		s.want("<SEQ=130><ACK=300><CTL=ACK>", "discarded, and an ACK sent back")
		s.send("<SEQ=300><ACK=2000000000><CTL=ACK><DATA=10>", "an ACK from the future")
		s.want("<SEQ=130><ACK=300><CTL=ACK>", "discarded, and an ACK sent back")
		s.send("<SEQ=300><ACK=4294957425><CTL=ACK><DATA=10>", "SND.UNA - MAX.SND.WND - 1")
		s.want("<SEQ=130><ACK=300><CTL=ACK>", "discarded, and an ACK sent back")
		s.readFails(tcp.ErrWouldBlock, "nothing of it is delivered")
		s.send("<SEQ=300><ACK=4294957426><CTL=ACK><DATA=10>", "SND.UNA - MAX.SND.WND")
		s.read(10)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=130><ACK=310><CTL=ACK>", "the oldest that may be under way")
	})
}

// What ICMP says of a connection: RFC 9293, 3.9.2.2.
func TestUnreachable(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-56, SHLD-25
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text")
		s.conn.Unreachable(s.now, tcp.ErrHostUnreachable, false)
		s.state(tcp.StateEstablished)
		if got := s.conn.SoftError(); got != tcp.ErrHostUnreachable {
			t.Errorf("soft error is %v, want %v", got, tcp.ErrHostUnreachable)
		}
		s.advance(2 * s.cfg.R2)
		s.skip("sent again")
		s.ended(tcp.ErrHostUnreachable) // R2, and now it is known why
	})
	for _, c := range []struct {
		hard      bool
		err, want error
	}{
		{false, tcp.ErrNetUnreachable, tcp.ErrNetUnreachable}, // RFC 5461, 4.1
		{true, tcp.ErrPortUnreachable, tcp.ErrRefused},
	} {
		script(t, setup{}, func(s *dialogue) {
			s.conn.OpenActive(s.now)
			s.drain()
			s.want("<SEQ=99><CTL=SYN>", "active open")
			s.conn.Unreachable(s.now, c.err, c.hard)
			s.ended(c.want)
		})
	}
	// RFC 5927, 4.1: an error that quotes a number which is not outstanding does not come from the path.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text")
		for seq, want := range map[tcp.Seq]bool{99: false, 100: true, 109: true, 110: false, 1 << 31: false} {
			if got := s.conn.Outstanding(s.machineBase + seq); got != want {
				t.Errorf("%d outstanding: %v, want %v", seq, got, want)
			}
		}
	})
}
