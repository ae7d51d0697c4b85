package tcp_test

import (
	"testing"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// When short segments are sent, and PSH: RFC 9293, 3.7.4 and 3.9.1.2.

func TestNagle(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 SHLD-7, SHLD-28
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=PSH,ACK><DATA=10>", "nothing is outstanding")
		s.write(20)
		s.idle("a short segment is outstanding: this one waits")
		s.write(30)
		s.idle("and this one")
		s.write(960)
		s.want("<SEQ=110><ACK=300><CTL=ACK><DATA=1000>", "a full-sized segment can be sent")
		s.idle("what is left over waits")
		s.send("<SEQ=300><ACK=110><CTL=ACK>", "the short one is acknowledged")
		s.want("<SEQ=1110><ACK=300><CTL=PSH,ACK><DATA=10>", "all that has waited, in one segment")
		s.send("<SEQ=300><ACK=1120><CTL=ACK>", "acknowledged")
	})
	// RFC 9293, A.3: what is short does not wait for the acknowledgment of full segments.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(1010)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "full segment")
		s.want("<SEQ=1100><ACK=300><CTL=PSH,ACK><DATA=10>", "the rest of the same write")
		s.write(10)
		s.idle("now a short one is outstanding")
		s.send("<SEQ=300><ACK=1110><CTL=ACK>", "acknowledged")
		s.want("<SEQ=1110><ACK=300><CTL=PSH,ACK><DATA=10>", "the last")
		s.send("<SEQ=300><ACK=1120><CTL=ACK>", "acknowledged")
	})
}

func TestNoDelay(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-17
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "first write")
		s.write(10)
		s.idle("second write: Nagle lets it wait")
		s.conn.SetNoDelay(s.now, true)
		s.drain()
		s.want("<SEQ=110><ACK=300><CTL=ACK><DATA=10>", "application disables Nagle: what waits is sent")
		for i := range 5 {
			s.write(1)
			s.want(segment(120+i, 300, 1), "each write is sent at once")
		}
		s.conn.SetNoDelay(s.now, false)
		s.write(1)
		s.idle("Nagle again")
		s.send("<SEQ=300><ACK=125><CTL=ACK>", "all are acknowledged")
		s.want("<SEQ=125><ACK=300><CTL=ACK><DATA=1>", "the last")
		s.send("<SEQ=300><ACK=126><CTL=ACK>", "acknowledged")
	})
}

func TestCork(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.conn.SetCork(s.now, true)
		s.write(600)
		s.idle("a short segment is held back though nothing is outstanding")
		s.write(600)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "a full one is not")
		s.idle("but the rest of it")
		s.conn.SetCork(s.now, false)
		s.drain()
		s.want("<SEQ=1100><ACK=300><CTL=PSH,ACK><DATA=200>", "uncorked")
		s.send("<SEQ=300><ACK=1300><CTL=ACK>", "acknowledged")
	})
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-60
		s.establish()
		s.conn.SetCork(s.now, true)
		s.write(600)
		s.wantAfter(s.cfg.Override, "<SEQ=100><ACK=300><CTL=PSH,ACK><DATA=600>", "nothing is buffered indefinitely")
		s.send("<SEQ=300><ACK=700><CTL=ACK>", "acknowledged")
		s.write(10)
		s.closeWrite()
		s.want("<SEQ=700><ACK=300><CTL=FIN,PSH,ACK><DATA=10>", "close implies push")
		s.send("<SEQ=300><ACK=711><CTL=ACK>", "acknowledged")
	})
}

func TestPush(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-61, SHLD-27, SHLD-28
		s.conn.SetNoDelay(s.now, true)
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>", "active open")
		for range 5 {
			s.write(500)
		}
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><MSS=1000>", "five writes have waited for the connection")
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "segments of full size, whatever the writes")
		if s.last.Flags.Has(wire.PSH) {
			t.Error("PSH in the first of three segments")
		}
		s.want("<SEQ=1100><ACK=300><CTL=ACK><DATA=1000>", "second")
		if s.last.Flags.Has(wire.PSH) {
			t.Error("PSH in the second of three segments: successive bits collapse")
		}
		s.want("<SEQ=2100><ACK=300><CTL=PSH,ACK><DATA=500>", "PSH in the last one")
		s.send("<SEQ=300><ACK=2600><CTL=ACK>", "acknowledged")
	})
	// Text that cannot be sent at once is, as soon as it can: no user has to push it.
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-60, MUST-61
		s.establish()
		s.write(1300)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "window is full")
		s.send("<SEQ=300><ACK=1100><CTL=ACK>", "acknowledged")
		s.want("<SEQ=1100><ACK=300><CTL=PSH,ACK><DATA=300>", "the rest, with PSH")
		s.send("<SEQ=300><ACK=1400><CTL=ACK>", "acknowledged")
	})
	// PSH of the peer: text is there to be read at once, with it or without.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "without PSH")
		s.read(10)
		s.send("<SEQ=310><ACK=100><CTL=PSH,ACK><DATA=10>", "with PSH")
		s.read(10)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=320><CTL=ACK>", "delayed ACK")
	})
}

// What the user sees of a full send queue.
func TestSendQueueIsBounded(t *testing.T) {
	script(t, setup{config: func(c *tcp.Config) { c.SendBuffer = 4000 }, window: 3000}, func(s *dialogue) {
		s.establish()
		n, err := s.conn.Write(s.now, text(0, 5000))
		if n != 4000 || err != nil {
			t.Fatalf("Write of 5000 returns %d, %v, want 4000", n, err)
		}
		s.written = n
		s.writeFails(tcp.ErrWouldBlock, "queue is full")
		if s.conn.Writable() {
			t.Error("Writable though the queue is full")
		}
		for i := range 3 {
			s.want(segment(100+1000*i, 300, 1000), "what the window takes")
		}
		s.send("<SEQ=300><ACK=2100><CTL=ACK><WND=1000>", "two are acknowledged")
		if !s.conn.Writable() {
			t.Error("not Writable though the queue has room")
		}
		s.write(2000)
		s.writeFails(tcp.ErrWouldBlock, "queue is full again")
	})
}
