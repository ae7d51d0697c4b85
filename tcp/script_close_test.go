package tcp_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// The calls CLOSE, ABORT, SEND and RECEIVE, and the ends that a connection can take: RFC 9293, 3.6 and 3.10.

func TestHalfClose(t *testing.T) {
	// RFC 9293, 3.6: "The user who CLOSEs may continue to RECEIVE until the TCP receiver is told that the remote peer has
	// CLOSED also."
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-12
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "a question")
		s.closeWrite()
		s.want("<SEQ=110><ACK=300><CTL=FIN,ACK>", "no more questions")
		s.writeFails(tcp.ErrPipe, "after the own CloseWrite")
		s.send("<SEQ=300><ACK=111><CTL=ACK><DATA=1000>", "the answer")
		s.state(tcp.StateFinWait2)
		s.read(1000)
		s.advance(time.Hour)
		s.want("<SEQ=111><ACK=1300><CTL=ACK>", "delayed ACK")
		s.state(tcp.StateFinWait2) // for as long as the user waits
		s.send("<SEQ=1300><ACK=111><CTL=FIN,ACK><DATA=1000>", "much later: the rest of the answer")
		s.want("<SEQ=111><ACK=2301><CTL=ACK>", "text and FIN are acknowledged")
		s.state(tcp.StateTimeWait)
		s.read(1000)
		s.end()
		s.end()
	})
	// The other side of it: the peer has closed, we go on sending.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK><DATA=10>", "peer closes")
		s.want("<SEQ=100><ACK=311><CTL=ACK>", "acknowledged")
		s.state(tcp.StateCloseWait)
		s.read(10)
		s.end()
		for i := range 3 {
			s.write(1000)
			s.want(segment(100+1000*i, 311, 1000), "we do not")
			s.send(segment(311, 1100+1000*i, 0), "acknowledged")
		}
		s.closeWrite()
		s.want("<SEQ=3100><ACK=311><CTL=FIN,ACK>", "now we do")
		s.state(tcp.StateLastAck)
		s.send("<SEQ=311><ACK=3101><CTL=ACK>", "acknowledged")
		s.ended(nil)
		s.end()
		s.writeFails(tcp.ErrPipe, "closed")
	})
}

// RFC 9293, 3.10.4: "Queue this until all preceding SENDs have been segmentized, then form a FIN segment and send it."
func TestCloseAfterWrite(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		s.establish()
		s.write(2500)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "window is full")
		s.close()
		s.state(tcp.StateFinWait1)
		s.idle("text comes before FIN")
		s.send("<SEQ=300><ACK=1100><CTL=ACK><WND=1000>", "acknowledged")
		s.want("<SEQ=1100><ACK=300><CTL=ACK><DATA=1000>", "more text")
		s.send("<SEQ=300><ACK=2100><CTL=ACK><WND=1000>", "acknowledged")
		s.want("<SEQ=2100><ACK=300><CTL=FIN,ACK><DATA=500>", "the rest, and FIN with it")
		s.wantAfter(s.conn.Info().RTO, "<SEQ=2100><ACK=300><CTL=FIN,ACK><DATA=500>", "lost: both are sent again")
		s.send("<SEQ=300><ACK=2600><CTL=ACK>", "text is acknowledged, FIN is not")
		s.state(tcp.StateFinWait1)
		s.advance(s.conn.Info().RTO + ms)
		s.want("<SEQ=2600><ACK=300><CTL=FIN,ACK>", "FIN alone is sent again")
		s.send("<SEQ=300><ACK=2601><CTL=ACK>", "acknowledged")
		s.state(tcp.StateFinWait2)
	})
	// A second CLOSE: "as long as a second FIN is not emitted".
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.closeWrite()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "FIN")
		s.closeWrite()
		s.idle("no second one")
		s.close()
		s.idle("no second one")
		if err := s.conn.Close(s.now); err != tcp.ErrClosed {
			t.Errorf("second Close returns %v, want %v", err, tcp.ErrClosed)
		}
		s.readFails(tcp.ErrClosed, "after the own Close")
		s.writeFails(tcp.ErrClosed, "after the own Close")
	})
}

// RFC 9293, 3.6.1: "If such a host issues a CLOSE call while received data is still pending in the TCP connection, or if new
// data is received after CLOSE is called, its TCP implementation SHOULD send a RST to show that data was lost".
func TestCloseLosesText(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 SHLD-3
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "text that nobody reads")
		s.close()
		s.want("<SEQ=100><CTL=RST>", "CLOSE with text unread")
		s.ended(nil)
	})
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 SHLD-3
		s.establish()
		s.close()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "CLOSE with nothing unread")
		s.send("<SEQ=300><ACK=101><CTL=ACK><DATA=10>", "text for a user who is gone")
		s.want("<SEQ=101><CTL=RST>", "data was lost")
		s.dropped(tcp.ReasonTextAfterClose)
		s.ended(nil)
	})
	// CloseRead is not CLOSE: what arrives is acknowledged, and dropped.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		if err := s.conn.CloseRead(s.now); err != nil {
			t.Fatal(err)
		}
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=2000>", "text that nobody wants")
		s.want("<SEQ=100><ACK=2300><CTL=ACK><WND=65535>", "takes no room")
		s.end()
		s.write(10)
		s.want("<SEQ=100><ACK=2300><CTL=ACK><DATA=10>", "the other direction goes on")
		s.send("<SEQ=2300><ACK=110><CTL=ACK>", "acknowledged")
	})
}

// A peer that never closes does not hold what is left of a connection without a user for ever.
func TestFinWait2Ends(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.close()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "close")
		s.send("<SEQ=300><ACK=101><CTL=ACK>", "acknowledged")
		s.state(tcp.StateFinWait2)
		s.advance(s.cfg.FinWait2 - ms)
		s.state(tcp.StateFinWait2)
		s.advance(2 * ms)
		s.idle("silently")
		s.ended(nil)
	})
	// The user may go when the connection is there already.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.closeWrite()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "no more to send")
		s.send("<SEQ=300><ACK=101><CTL=ACK>", "acknowledged")
		s.advance(time.Hour)
		s.state(tcp.StateFinWait2)
		s.close()
		s.advance(s.cfg.FinWait2 - ms)
		s.state(tcp.StateFinWait2)
		s.advance(2 * ms)
		s.ended(nil)
	})
}

// RFC 9293, 3.10.5: ABORT in each state.
func TestAbortInEachState(t *testing.T) {
	inEach(t, nil, func(s *dialogue, p place) {
		s.conn.Abort(s.now)
		s.drain()
		switch p.state {
		case tcp.StateClosing, tcp.StateLastAck:
			s.idle("respond with ok and delete the TCB")
		default:
			s.want(segmentRST(p.nxt), "<SEQ=SND.NXT><CTL=RST>")
		}
		s.ended(tcp.ErrAborted)
		s.readFails(tcp.ErrClosed, "after the own Abort")
		s.advance(10 * s.cfg.MaxRTO)
		s.idle("queues are flushed")
	})
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.write(3000)
		s.wantSegments(100, 3, "text")
		s.conn.Abort(s.now)
		s.drain()
		s.want("<SEQ=3100><CTL=RST>", "behind what was sent")
		s.advance(10 * s.cfg.MaxRTO)
		s.idle("text is not sent again")
	})
	for _, open := range []func(s *dialogue){
		func(s *dialogue) { s.conn.OpenPassive() },
		func(s *dialogue) { s.conn.OpenActive(s.now); s.drain(); s.want("<SEQ=99><CTL=SYN>", "active open") },
	} {
		script(t, setup{}, func(s *dialogue) {
			open(s)
			s.conn.Abort(s.now)
			s.drain()
			s.idle("LISTEN and SYN-SENT: delete TCB")
			s.state(tcp.StateClosed)
		})
		script(t, setup{}, func(s *dialogue) {
			open(s)
			s.close()
			s.idle("LISTEN and SYN-SENT: delete TCB")
			s.state(tcp.StateClosed)
			s.send("<SEQ=299><ACK=100><CTL=SYN,ACK>", "an answer that comes too late")
			s.want("<SEQ=100><CTL=RST>", "no connection")
		})
	}
}

// RFC 9293, 3.10.2 and 3.10.3: SEND and RECEIVE in each state.
func TestReadAndWriteInEachState(t *testing.T) {
	inEach(t, nil, func(s *dialogue, p place) {
		switch p.state {
		case tcp.StateSynReceived, tcp.StateEstablished, tcp.StateFinWait1, tcp.StateFinWait2:
			s.readFails(tcp.ErrWouldBlock, "nothing has arrived")
		default:
			s.readFails(io.EOF, "connection closing")
		}
		switch p.state {
		case tcp.StateSynReceived:
			s.write(10)
			s.idle("queue the data for transmission after entering ESTABLISHED state")
		case tcp.StateEstablished, tcp.StateCloseWait:
			s.write(10)
			s.want(segment(p.nxt, p.rcv, 10), "send it")
		default:
			s.writeFails(tcp.ErrPipe, "connection closing")
		}
	})
	script(t, setup{}, func(s *dialogue) {
		s.readFails(tcp.ErrNotConnected, "CLOSED: connection does not exist")
		s.writeFails(tcp.ErrNotConnected, "CLOSED: connection does not exist")
		s.conn.OpenPassive()
		s.writeFails(tcp.ErrNotConnected, "LISTEN: remote socket unspecified")
		s.readFails(tcp.ErrNotConnected, "LISTEN: nothing can arrive")
		if err := s.conn.CloseWrite(s.now); err != tcp.ErrNotConnected {
			t.Errorf("CloseWrite in LISTEN returns %v", err)
		}
		if err := s.conn.CloseRead(s.now); err != tcp.ErrNotConnected {
			t.Errorf("CloseRead in LISTEN returns %v", err)
		}
	})
}

// What the user is told of a reset: first what has arrived, then the reset once, then the end.
func TestErrorsAfterReset(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-12
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "text")
		s.send("<SEQ=310><CTL=RST>", "reset")
		s.ended(tcp.ErrReset)
		s.read(10)
		s.readFails(tcp.ErrReset, "once")
		s.end()
		s.end()
		s.writeFails(tcp.ErrPipe, "once is enough")
	})
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><CTL=RST>", "reset")
		s.writeFails(tcp.ErrReset, "the first call is told, be it a write")
		s.writeFails(tcp.ErrPipe, "from then on")
		s.end()
	})
	// FIN first, then RST: the peer has closed and does not want what we write.
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-12
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK>", "peer closes")
		s.want("<SEQ=100><ACK=301><CTL=ACK>", "acknowledged")
		s.write(10)
		s.want("<SEQ=100><ACK=301><CTL=ACK><DATA=10>", "we write")
		s.send("<SEQ=301><CTL=RST>", "nobody reads it")
		s.ended(tcp.ErrReset)
		s.writeFails(tcp.ErrPipe, "at once")
		s.end()
	})
}

// segmentRST is the notation of a RST without ACK.
func segmentRST(seq int) string { return fmt.Sprintf("<SEQ=%d><CTL=RST>", seq) }

// CLOSE with text unread in TIME-WAIT: the peer has sent all, and has had all; there is nobody to be told, and old duplicates
// are as dangerous as ever.
func TestCloseUnreadInTimeWait(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.closeWrite()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "we close first")
		s.send("<SEQ=300><ACK=101><CTL=FIN,ACK><DATA=10>", "text, and the end")
		s.want("<SEQ=101><ACK=311><CTL=ACK>", "acknowledged")
		s.state(tcp.StateTimeWait)
		s.close()
		s.idle("no RST")
		s.state(tcp.StateTimeWait)
		s.advance(s.cfg.TimeWait + ms)
		s.ended(nil)
	})
}

// In LAST-ACK and CLOSING, text may wait behind the peer's window, and the FIN behind it: these states are entered with the
// call. Who drops it then owes the peer a RST, as in CLOSE-WAIT and FIN-WAIT-1 (RFC 9293, 3.10.5), or it waits for ever.
func TestAbortBeforeFIN(t *testing.T) {
	for _, c := range []struct {
		what  string
		state tcp.State
		reach func(*dialogue)
	}{
		{"LAST-ACK", tcp.StateLastAck, func(s *dialogue) {
			s.send("<SEQ=300><ACK=100><CTL=FIN,ACK><DATA=10>", "peer closes")
			s.want("<SEQ=100><ACK=311><CTL=ACK>", "acknowledged")
			s.write(3000)
			s.want("<SEQ=100><ACK=311><CTL=ACK><DATA=1000>", "fills the window")
			s.closeWrite()
		}},
		{"CLOSING", tcp.StateClosing, func(s *dialogue) {
			s.write(3000)
			s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "fills the window")
			s.closeWrite()
			s.send("<SEQ=300><ACK=100><CTL=FIN,ACK><DATA=10>", "peer closes")
			s.want("<SEQ=1100><ACK=311><CTL=ACK>", "acknowledged")
		}},
	} {
		for verb, do := range map[string]func(*dialogue){
			"Abort":                  func(s *dialogue) { s.conn.Abort(s.now); s.drain() },
			"Close with text unread": (*dialogue).close,
		} {
			t.Run(c.what+", "+verb, func(t *testing.T) {
				script(t, setup{window: 1000}, func(s *dialogue) {
					s.establish()
					c.reach(s)
					s.state(c.state)
					do(s)
					s.want("<SEQ=1100><CTL=RST>", "text and FIN are lost")
					s.state(tcp.StateClosed)
				})
			})
		}
	}
}
