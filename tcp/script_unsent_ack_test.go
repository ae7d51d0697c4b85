package tcp_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// A keepalive probe that the link refuses is a probe again, not an ACK that nobody answers.
func TestUnsentKeepAlive(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.conn.SetKeepAlive(s.now, &tcp.KeepAlive{Idle: time.Minute})
		s.advance(time.Minute)
		s.refuse(1)
		s.drain()
		s.want(segment(99, 300, 0), "the probe, once there is room")
		s.send(segment(300, 100, 0), "peer is there")
	})
}

// The ACK on text that the link refuses is owed also where the text may not follow: the window has closed.
func TestUnsentOwesACK(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.receive("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "question")
		s.write(10)
		s.refuse(1)
		s.receive("<SEQ=310><ACK=100><CTL=ACK><WND=0>", "the window closes")
		s.drain()
		s.advance(s.cfg.DelayedACK)
		s.want(segment(100, 310, 0), "the ACK alone")
		s.send("<SEQ=310><ACK=100><CTL=ACK><WND=1000>", "the window opens")
		s.want(segment(100, 310, 10), "answer")
		s.send(segment(310, 110, 0), "acknowledged")
	})
}

// Room is of the buffer that was set, which may be less than what is queued.
func TestRoomOfSendBuffer(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(3000)
		s.skip("text")
		s.conn.SetSendBuffer(s.now, 4000)
		if n := s.conn.Room(); n != 1000 {
			t.Errorf("room for %d bytes, want 1000", n)
		}
		s.conn.SetSendBuffer(s.now, 2048)
		if n := s.conn.Room(); n != 0 {
			t.Errorf("room for %d bytes, want none", n)
		}
		s.send(segment(300, 3100, 0), "acknowledged")
	})
}
