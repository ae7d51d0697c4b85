package tcp_test

import (
	"fmt"
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// What of a segment is acceptable (RFC 9293, 3.10.7.4, first), and text out of order.

// smallBuffer gives the receiver 4000 bytes.
func smallBuffer(c *tcp.Config) { c.ReceiveBuffer = 4000 }

// RFC 9293, 3.10.7.4, Table 6: "Segment Acceptability Tests". The window is 4000 bytes and begins at 300.
func TestAcceptability(t *testing.T) {
	for _, c := range []struct {
		segment string
		text    int  // that can be read then
		ack     bool // it is answered at once
		reason  tcp.Reason
		why     string
	}{
		{"<SEQ=300><ACK=100><CTL=ACK>", 0, false, 0, "length 0: at RCV.NXT"},
		{"<SEQ=4299><ACK=100><CTL=ACK>", 0, false, 0, "length 0: SEG.SEQ < RCV.NXT+RCV.WND"},
		{"<SEQ=4301><ACK=100><CTL=ACK>", 0, true, tcp.ReasonOutOfWindow, "length 0: SEG.SEQ > RCV.NXT+RCV.WND"},
		{"<SEQ=299><ACK=100><CTL=ACK>", 0, true, tcp.ReasonOutOfWindow, "length 0: SEG.SEQ < RCV.NXT"},
		{"<SEQ=300><ACK=100><CTL=ACK><DATA=1>", 1, false, 0, "text at RCV.NXT"},
		{"<SEQ=290><ACK=100><CTL=ACK><DATA=11>", 1, false, 0, "text whose last byte is at RCV.NXT"},
		{"<SEQ=290><ACK=100><CTL=ACK><DATA=10>", 0, true, tcp.ReasonDuplicateText, "text whose last byte is before RCV.NXT"},
		{"<SEQ=4299><ACK=100><CTL=ACK><DATA=1>", 0, true, 0, "text at the window's last byte, beyond a gap: a duplicate ACK"},
		{"<SEQ=4300><ACK=100><CTL=ACK><DATA=1>", 0, true, tcp.ReasonTextBeyondWindow, "text behind the window"},
		{"<SEQ=300><ACK=100><CTL=ACK><DATA=4100>", 4000, true, tcp.ReasonTextBeyondWindow, "text that begins in the window and ends behind it"},
		{"<SEQ=300><ACK=100><CTL=ACK><DATA=4000>", 4000, true, 0, "text that fills the window"},
		{"<SEQ=290><ACK=100><CTL=ACK><DATA=4100>", 4000, true, tcp.ReasonTextBeyondWindow, "text that covers more than the window"},
	} {
		t.Run(c.why, func(t *testing.T) {
			script(t, setup{config: smallBuffer}, func(s *dialogue) {
				s.establish()
				s.send(c.segment, c.why)
				s.dropped(c.reason)
				if c.ack {
					s.want(fmt.Sprintf("<SEQ=100><ACK=%d><CTL=ACK><WND=%d>", 300+c.text, 4000-c.text), c.why)
				} else {
					s.idle(c.why)
				}
				if c.text > 0 {
					s.read(c.text)
					s.skip("window update")
					s.advance(500 * ms)
					s.skip("delayed ACK")
				}
				s.readFails(tcp.ErrWouldBlock, "that is all")
			})
		})
	}
}

// The same table with a window of zero, at 4300.
func TestAcceptabilityInZeroWindow(t *testing.T) {
	closed := func(s *dialogue) {
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "user writes")
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=4000>", "fills the window")
		s.want("<SEQ=110><ACK=4300><CTL=ACK><WND=0>", "user does not read")
	}
	for _, c := range []struct {
		segment string
		answer  bool
		why     string
	}{
		{"<SEQ=4300><ACK=100><CTL=ACK>", false, "length 0: SEG.SEQ = RCV.NXT"},
		{"<SEQ=4301><ACK=100><CTL=ACK>", true, "length 0: SEG.SEQ > RCV.NXT"},
		{"<SEQ=4299><ACK=100><CTL=ACK>", true, "length 0: SEG.SEQ < RCV.NXT"},
		{"<SEQ=4300><ACK=100><CTL=ACK><DATA=1>", true, "length >0: not acceptable"},
		{"<SEQ=4310><ACK=100><CTL=ACK><DATA=100>", true, "length >0: not acceptable"},
	} {
		t.Run(c.why, func(t *testing.T) {
			script(t, setup{config: smallBuffer}, func(s *dialogue) {
				closed(s)
				s.send(c.segment, c.why)
				if c.answer {
					s.want("<SEQ=110><ACK=4300><CTL=ACK><WND=0>", c.why)
				}
				s.idle(c.why)
				s.read(4000)
				s.want("<SEQ=110><ACK=4300><CTL=ACK><WND=4000>", "window opens")
				s.readFails(tcp.ErrWouldBlock, "text that came when it was closed was not taken")
				s.send("<SEQ=4300><ACK=110><CTL=ACK>", "ours is acknowledged")
			})
		})
	}
	// "special allowance should be made to accept valid ACKs, URGs, and RSTs"
	script(t, setup{config: smallBuffer}, func(s *dialogue) {
		// RFC 9293 MUST-66
		closed(s)
		s.send("<SEQ=4300><ACK=110><CTL=URG,ACK><UP=50><DATA=20>", "ACK, and URG of text for which there is no room")
		s.want("<SEQ=110><ACK=4300><CTL=ACK><WND=0>", "text is not taken")
		if !s.conn.UrgentSignal() {
			t.Error("user is not told of urgent data")
		}
		s.advance(10 * s.cfg.MaxRTO)
		s.idle("but the ACK is: nothing is sent again")
		s.send("<SEQ=4300><CTL=RST>", "RST")
		s.ended(tcp.ErrReset)
	})
}

func TestOutOfOrder(t *testing.T) {
	// RFC 9293 SHLD-31
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "second segment, the first is missing")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "a duplicate ACK at once")
		s.send("<SEQ=3300><ACK=100><CTL=ACK><DATA=1000>", "fourth segment")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "a duplicate ACK at once")
		s.readFails(tcp.ErrWouldBlock, "nothing is in order")
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "the first")
		s.want("<SEQ=100><ACK=2300><CTL=ACK>", "two are in order now; a segment that fills a gap is acknowledged at once")
		s.read(2000)
		s.send("<SEQ=2300><ACK=100><CTL=ACK><DATA=1000>", "the third")
		s.want("<SEQ=100><ACK=4300><CTL=ACK>", "all four")
		s.read(2000)
	})
	// What overlaps is put together as it came, whatever the borders.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		for _, piece := range []struct{ seq, n int }{{350, 10}, {340, 30}, {400, 50}, {370, 10}, {345, 60}, {460, 1}, {310, 29}} {
			s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=%d>", piece.seq, piece.n), "beyond the gap at 300")
			s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
		}
		s.send("<SEQ=290><ACK=100><CTL=ACK><DATA=20>", "first gap, and some that is before the window")
		s.want("<SEQ=100><ACK=339><CTL=ACK>", "next gap is at 339")
		s.send("<SEQ=339><ACK=100><CTL=ACK><DATA=121>", "all that is still missing, and more")
		s.want("<SEQ=100><ACK=461><CTL=ACK>", "all")
		s.read(161)
	})
	// RFC 9293, 3.8.6: what was advertised is kept: text out of order is not dropped as long as it lies in the window.
	script(t, setup{config: smallBuffer}, func(s *dialogue) {
		s.establish()
		for seq := 4200; seq >= 400; seq -= 200 {
			s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=100>", seq), "each second hundred")
			s.want("<SEQ=100><ACK=300><CTL=ACK><WND=4000>", "duplicate ACK")
		}
		for seq := 300; seq <= 4100; seq += 200 {
			s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=100>", seq), "and those between them")
			s.want(fmt.Sprintf("<SEQ=100><ACK=%d><CTL=ACK>", seq+200), "all before")
		}
		s.read(4000)
		s.want("<SEQ=100><ACK=4300><CTL=ACK><WND=4000>", "window opens")
	})
}

// What a peer can make us keep and search is bounded: so many gaps, and no more.
func TestGapsAreBounded(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		const most = 1024
		for i := range most + 10 {
			s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=1>", 310+2*i), "each second byte")
			s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
			if i < most {
				s.dropped(0)
			} else {
				s.dropped(tcp.ReasonTooManyRuns)
			}
		}
		s.send("<SEQ=312><ACK=100><CTL=ACK><DATA=5>", "text that joins some of them")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
		s.dropped(0)
		s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=1>", 310+2*most), "and makes room for another")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "duplicate ACK")
		s.dropped(0)
	})
}

func TestDuplicateText(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.sendTogether("two segments", "<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>")
		s.want("<SEQ=100><ACK=2300><CTL=ACK>", "each second segment")
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "our ACK was lost")
		s.want("<SEQ=100><ACK=2300><CTL=ACK>", "it is sent again, at once")
		s.dropped(tcp.ReasonDuplicateText)
		s.read(2000)
		s.readFails(tcp.ErrWouldBlock, "no text twice")
	})
}
