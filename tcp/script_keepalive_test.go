package tcp_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Keep-alives: RFC 9293, 3.8.4.

func TestKeepAliveIsOffByDefault(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-25
		s.establish()
		s.advance(30 * 24 * time.Hour)
		s.idle("not a segment in a month")
		s.state(tcp.StateEstablished)
	})
}

var alive = tcp.KeepAlive{Idle: 3 * time.Hour, Interval: time.Minute, Count: 3}

func TestKeepAlive(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-24, MUST-26, MUST-27, MUST-29, SHLD-12
		s.establish()
		s.conn.SetKeepAlive(s.now, &alive)
		s.drain()
		s.wantAfter(alive.Idle, "<SEQ=99><ACK=300><CTL=ACK>", "SEG.SEQ = SND.NXT-1, without data")
		if s.last.Len != 0 {
			t.Error("keep-alive has data")
		}
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "peer lives")
		s.advance(2 * time.Hour)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "peer sends by itself")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=310><CTL=ACK>", "delayed ACK")
		s.wantAfter(alive.Idle-s.cfg.DelayedACK, "<SEQ=99><ACK=310><CTL=ACK>", "the interval counts from what arrived last")
		s.wantAfter(alive.Interval, "<SEQ=99><ACK=310><CTL=ACK>", "one probe without an answer does not end it")
		s.wantAfter(alive.Interval, "<SEQ=99><ACK=310><CTL=ACK>", "nor do two")
		s.send("<SEQ=310><ACK=100><CTL=ACK>", "the third is answered")
		s.wantAfter(alive.Idle, "<SEQ=99><ACK=310><CTL=ACK>", "after another silence")
		s.wantAfter(alive.Interval, "<SEQ=99><ACK=310><CTL=ACK>", "second")
		s.wantAfter(alive.Interval, "<SEQ=99><ACK=310><CTL=ACK>", "third")
		s.state(tcp.StateEstablished)
		s.advance(alive.Interval + ms)
		s.ended(tcp.ErrTimeout)
	})
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-24
		s.establish()
		s.conn.SetKeepAlive(s.now, &alive)
		s.advance(alive.Idle - ms)
		s.conn.SetKeepAlive(s.now, &tcp.KeepAlive{})
		s.advance(10 * alive.Idle)
		s.idle("switched off")
	})
	// "Keep-alive packets MUST only be sent when no sent data is outstanding".
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-26
		s.establish()
		s.conn.SetKeepAlive(s.now, &tcp.KeepAlive{Idle: 10 * time.Second, Interval: time.Second, Count: 2})
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "text that is lost")
		s.advance(5 * time.Minute)
		for _, seg := range s.unseen {
			if seg.Len != 10 {
				t.Errorf("%s while text is outstanding", seg.Notation(seg.Len))
			}
		}
		s.skip("retransmissions")
		s.state(tcp.StateEstablished) // R2, not the keep-alive, decides
		s.send("<SEQ=300><ACK=110><CTL=ACK>", "at last")
		s.wantAfter(10*time.Second, "<SEQ=109><ACK=300><CTL=ACK>", "idle from then on")
	})
	// From the configuration, for all connections of a stack; and the other side of it: a keep-alive is answered.
	script(t, setup{config: func(c *tcp.Config) { c.KeepAlive.Idle = time.Hour }}, func(s *dialogue) {
		// RFC 9293 MUST-27
		s.establish()
		s.wantAfter(time.Hour, "<SEQ=99><ACK=300><CTL=ACK>", "keep-alive")
		s.send("<SEQ=299><ACK=100><CTL=ACK>", "the peer's own keep-alive")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "is answered")
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "peer lives")
	})
}
