package tcp_test

import (
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// Opening: RFC 9293, 3.10.7.1 to 3.10.7.3, and SYN-RECEIVED.

func TestClosed(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.send("<SEQ=300><CTL=SYN>", "no connection")
		s.want("<SEQ=0><ACK=301><CTL=RST,ACK>", "ACK is SEG.SEQ+SEG.LEN: SYN counts")
		s.dropped(tcp.ReasonNoConnection)
		s.send("<SEQ=300><CTL=SYN,FIN><DATA=10>", "no connection")
		s.want("<SEQ=0><ACK=312><CTL=RST,ACK>", "ACK is SEG.SEQ+SEG.LEN: text, SYN and FIN count")
		s.send("<SEQ=300><ACK=700><CTL=ACK><DATA=10>", "no connection")
		s.want("<SEQ=700><CTL=RST>", "SEQ is SEG.ACK")
		s.send("<SEQ=300><CTL=RST>", "a reset")
		s.idle("is never answered")
		s.send("<SEQ=300><ACK=700><CTL=RST,ACK>", "a reset with ACK")
		s.idle("is never answered")
		s.state(tcp.StateClosed)
	})
}

func TestListen(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=300><CTL=RST>", "first: check for a RST")
		s.idle("an incoming RST should be ignored")
		s.dropped(tcp.ReasonListenRST)
		s.send("<SEQ=300><ACK=100><CTL=SYN,ACK>", "second: check for an ACK")
		s.want("<SEQ=100><CTL=RST>", "any acknowledgment is bad")
		s.dropped(tcp.ReasonListenACK)
		s.send("<SEQ=300><CTL=FIN><DATA=5>", "neither RST, ACK nor SYN")
		s.idle("drop the segment")
		s.dropped(tcp.ReasonListenNoSYN)
		s.state(tcp.StateListen)
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "third: check for a SYN")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK><MSS=1000>", "SYN,ACK is sent")
		s.state(tcp.StateSynReceived)
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "its ACK")
		s.state(tcp.StateEstablished)
	})
}

// RFC 9293, 3.10.7.2: "any other control or text should be queued for processing later." A peer sends it again if it is
// not acknowledged, so it must arrive once, whether it was kept or not.
func TestTextOnSYN(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000><DATA=10>", "text on the SYN")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "acknowledges the SYN, not yet the text")
		s.readFails(tcp.ErrWouldBlock, "text is not delivered before the connection is known to be valid")
		s.sendTogether("the text again", "<SEQ=300><ACK=100><CTL=ACK>", "<SEQ=300><ACK=100><CTL=PSH,ACK><DATA=20>")
		s.state(tcp.StateEstablished)
		s.want("<SEQ=100><ACK=320><CTL=ACK>", "text on the SYN has waited long enough")
		s.read(20)
		s.readFails(tcp.ErrWouldBlock, "text is delivered once")
	})
}

// Of text on a SYN no more is kept than each connection has memory for; the rest is sent again.
func TestMuchTextOnSYN(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000><DATA=3000>", "text on the SYN")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "acknowledges the SYN")
		s.send("<SEQ=3300><ACK=100><CTL=ACK>", "the handshake is over")
		s.want("<SEQ=100><ACK=2348><CTL=ACK>", "2048 bytes were kept")
		s.send("<SEQ=2348><ACK=100><CTL=PSH,ACK><DATA=952>", "the rest again")
		s.read(3000)
	})
}

func TestActiveOpen(t *testing.T) {
	// RFC 9293 MUST-14, SHLD-5
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN><MSS=1000>", "active open")
		s.state(tcp.StateSynSent)
		s.write(700)
		s.idle("text waits for the connection")
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><MSS=500>", "peer answers")
		s.state(tcp.StateEstablished)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=500>", "the ACK carries what waits, in segments that the peer's MSS allows")
		s.want("<SEQ=600><ACK=300><CTL=ACK><DATA=200>", "and the rest")
		s.send("<SEQ=300><ACK=800><CTL=ACK>", "all is acknowledged")
	})
}

func TestSynSent(t *testing.T) {
	open := func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>", "active open")
	}
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.send("<SEQ=299><ACK=99><CTL=SYN,ACK>", "SEG.ACK =< ISS")
		s.want("<SEQ=99><CTL=RST>", "send a reset")
		s.dropped(tcp.ReasonSynSentACK)
		s.send("<SEQ=299><ACK=101><CTL=ACK>", "SEG.ACK > SND.NXT")
		s.want("<SEQ=101><CTL=RST>", "send a reset")
		s.send("<SEQ=299><ACK=101><CTL=RST,ACK>", "SEG.ACK > SND.NXT, but RST")
		s.idle("drop the segment")
		s.send("<SEQ=0><CTL=RST>", "RST without ACK")
		s.idle("drop the segment")
		s.dropped(tcp.ReasonSynSentRST)
		s.send("<SEQ=299><ACK=100><CTL=ACK>", "acceptable ACK, but neither SYN nor RST")
		s.idle("drop the segment")
		s.dropped(tcp.ReasonSynSentNoSYN)
		s.send("<SEQ=299><CTL=FIN>", "neither ACK, SYN nor RST")
		s.idle("drop the segment")
		s.state(tcp.StateSynSent)
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><DATA=10>", "the answer, and text with it")
		s.state(tcp.StateEstablished)
		s.want("<SEQ=100><ACK=310><CTL=ACK>", "an ACK for both")
		s.read(10)
	})
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.send("<SEQ=0><ACK=100><CTL=RST,ACK>", "RST with an acceptable ACK")
		s.ended(tcp.ErrRefused)
		s.readFails(tcp.ErrRefused, "the user is told")
	})
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.send("<SEQ=299><ACK=100><CTL=SYN,FIN,ACK>", "the answer, and FIN with it")
		s.want("<SEQ=100><ACK=301><CTL=ACK>", "an ACK for both")
		s.state(tcp.StateCloseWait)
		s.end()
	})
}

func TestSimultaneousOpen(t *testing.T) {
	// RFC 9293 MUST-10
	open := func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>", "active open")
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "so does the peer")
		s.state(tcp.StateSynReceived)
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "send a SYN,ACK")
	}
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "peer has seen our SYN,ACK")
		s.state(tcp.StateEstablished)
		s.read(10)
		s.advance(500 * ms)
		s.want("<SEQ=100><ACK=310><CTL=ACK>", "delayed ACK")
	})
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.wantAfter(tcp.Config{}.WithDefaults().InitialRTO, "<SEQ=99><ACK=300><CTL=SYN,ACK>", "the SYN,ACK was lost")
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "peer has seen it")
		s.state(tcp.StateEstablished)
	})
	// RFC 9293, 3.10.7.4: "If this connection was initiated with an active OPEN (i.e., came from SYN-SENT state), then the
	// connection was refused; signal the user "connection refused"."
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-11
		open(s)
		s.send("<SEQ=300><CTL=RST>", "peer thinks better of it")
		s.ended(tcp.ErrRefused)
	})
}

func TestSynReceived(t *testing.T) {
	open := func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000>", "peer opens")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "passive open")
		s.state(tcp.StateSynReceived)
	}
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-11
		open(s)
		s.send("<SEQ=300><CTL=RST>", "RST in SYN-RECEIVED")
		s.state(tcp.StateListen)
		s.advance(1000 * s.cfg.InitialRTO)
		s.idle("nothing is left of the attempt")
	})
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.send("<SEQ=300><ACK=99><CTL=ACK>", "SEG.ACK =< SND.UNA")
		s.want("<SEQ=99><CTL=RST>", "form a reset segment")
		s.send("<SEQ=300><ACK=101><CTL=ACK>", "SEG.ACK > SND.NXT")
		s.want("<SEQ=101><CTL=RST>", "form a reset segment")
		s.dropped(tcp.ReasonUnacceptableACK)
		s.send("<SEQ=300><CTL=FIN><DATA=10>", "no ACK")
		s.idle("drop the segment")
		s.dropped(tcp.ReasonNoACK)
		s.state(tcp.StateSynReceived)
		s.send("<SEQ=300><ACK=100><CTL=FIN,ACK><DATA=10>", "ACK, text and FIN in one")
		s.want("<SEQ=100><ACK=311><CTL=ACK>", "all of it is acknowledged")
		s.state(tcp.StateCloseWait)
		s.read(10)
		s.end()
	})
	// RFC 9293, 3.10.4: CLOSE in SYN-RECEIVED: "form a FIN segment and send it, and enter FIN-WAIT-1 state"
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.closeWrite()
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "user closes")
		s.state(tcp.StateFinWait1)
		s.send("<SEQ=300><ACK=101><CTL=ACK>", "handshake completes, and FIN is acknowledged")
		s.state(tcp.StateFinWait2)
	})
	// "otherwise, queue for processing after entering ESTABLISHED state"
	script(t, setup{}, func(s *dialogue) {
		open(s)
		s.write(10)
		s.closeWrite()
		s.idle("text waits for the connection, and FIN for the text")
		s.state(tcp.StateSynReceived)
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "handshake completes")
		s.want("<SEQ=100><ACK=300><CTL=FIN,ACK><DATA=10>", "both")
		s.state(tcp.StateFinWait1)
		s.send("<SEQ=300><ACK=111><CTL=ACK>", "acknowledged")
	})
}
