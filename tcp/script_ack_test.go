package tcp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// When text is acknowledged: RFC 9293, 3.8.6.3, and RFC 5681, 4.2.

func TestDelayedACK(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 SHLD-18, SHLD-19, MUST-40
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "a segment of full size")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=1300><CTL=ACK>", "its ACK is delayed, by less than 500 ms")
		if s.cfg.DelayedACK >= 500*ms {
			t.Errorf("ACKs are delayed by %v", s.cfg.DelayedACK)
		}
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "first segment of full size")
		s.idle("its ACK is delayed")
		s.send("<SEQ=2300><ACK=100><CTL=ACK><DATA=1000>", "second segment of full size")
		s.want("<SEQ=100><ACK=3300><CTL=ACK>", "at least every second full-sized segment")
		s.advance(1000 * ms)
		s.idle("the timer was stopped")
		for range 3 {
			s.read(1000)
		}
	})
	script(t, setup{config: func(c *tcp.Config) { c.DelayedACK = 3 * time.Second }}, func(s *dialogue) {
		// RFC 9293 MUST-40
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "one segment")
		s.advance(499 * ms)
		s.want("<SEQ=100><ACK=1300><CTL=ACK>", "whatever is configured, the delay is less than half a second")
	})
	// Small segments: once more than a full-sized one has come, there is an ACK.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=1000>", "the peer's size is known now")
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1>", "more than one segment of text")
		s.want("<SEQ=100><ACK=1301><CTL=ACK>", "is acknowledged at once")
		for i := range 7 {
			s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=100>", 1301+100*i), "small ones")
			s.idle("less than a segment of text")
		}
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=2001><CTL=ACK>", "the delay counts from the first of them")
	})
	// RFC 9293, 3.10.7.4: "This acknowledgment should be piggybacked on a segment being transmitted".
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=500>", "a question")
		s.idle("ACK is delayed")
		s.read(500)
		s.write(20)
		s.want("<SEQ=100><ACK=800><CTL=ACK><DATA=20>", "the answer carries the ACK")
		s.send("<SEQ=800><ACK=120><CTL=ACK>", "answer is acknowledged")
		s.advance(1000 * ms)
		s.idle("no ACK of its own")
	})
}

// At the start of a connection ACKs do not wait: the peer is in slow start.
func TestQuickACKs(t *testing.T) {
	script(t, setup{config: func(c *tcp.Config) { c.QuickACKs = 0 }}, func(s *dialogue) {
		s.establish()
		for i := range 8 {
			s.send(fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=1000>", 300+1000*i), "a segment at the start")
			s.want(fmt.Sprintf("<SEQ=100><ACK=%d><CTL=ACK>", 1300+1000*i), "at once")
		}
	})
}

// Unless the user answers what he reads: the answer will carry the ACK.
func TestQuickACKsAndAnswers(t *testing.T) {
	script(t, setup{config: func(c *tcp.Config) { c.QuickACKs = 10 }}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10>", "a question")
		s.want("<SEQ=100><ACK=310><CTL=ACK>", "acknowledged at once: nothing is known of the user yet")
		s.read(10)
		s.write(20)
		s.want("<SEQ=100><ACK=310><CTL=ACK><DATA=20>", "the answer")
		s.send("<SEQ=310><ACK=120><CTL=ACK><DATA=10>", "the next question")
		s.idle("its ACK waits for the answer")
		s.read(10)
		s.write(20)
		s.want("<SEQ=120><ACK=320><CTL=ACK><DATA=20>", "both in one")
		s.send("<SEQ=320><ACK=140><CTL=ACK><DATA=10>", "a question that is hard")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=140><ACK=330><CTL=ACK>", "no answer in time")
	})
}

// And after a pause, when the peer is in slow start again.
func TestQuickACKsAfterPause(t *testing.T) {
	script(t, setup{config: func(c *tcp.Config) { c.QuickACKs = 2 }}, func(s *dialogue) {
		s.establish()
		send := func(seq int) { s.send(segment(seq, 100, 900), "a segment") }
		send(300)
		s.want("<SEQ=100><ACK=1200><CTL=ACK>", "first quick ACK")
		send(1200)
		s.want("<SEQ=100><ACK=2100><CTL=ACK>", "second quick ACK")
		send(2100)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=3000><CTL=ACK>", "from now on they wait")
		s.advance(100 * ms)
		send(3000)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=3900><CTL=ACK>", "a short pause changes nothing")
		s.advance(s.conn.Info().RTO)
		send(3900)
		s.want("<SEQ=100><ACK=4800><CTL=ACK>", "after more than an RTO of silence they do not")
		send(4800)
		s.want("<SEQ=100><ACK=5700><CTL=ACK>", "nor does the second")
		send(5700)
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=6600><CTL=ACK>", "the third does")
	})
}

func TestAggregatedACK(t *testing.T) {
	// RFC 9293 MUST-58, MUST-59
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		var batch []string
		for i := range 10 {
			batch = append(batch, fmt.Sprintf("<SEQ=%d><ACK=100><CTL=ACK><DATA=1000>", 300+1000*i))
		}
		s.sendTogether("ten segments that were queued", batch...)
		s.want("<SEQ=100><ACK=10300><CTL=ACK>", "one ACK for all")
		s.sendTogether("a segment, the one before it, text twice, FIN",
			"<SEQ=11300><ACK=100><CTL=ACK><DATA=1000>", "<SEQ=10300><ACK=100><CTL=ACK><DATA=1000>",
			"<SEQ=10300><ACK=100><CTL=ACK><DATA=1000>", "<SEQ=12300><ACK=100><CTL=FIN,ACK>")
		s.want("<SEQ=100><ACK=12301><CTL=ACK>", "one ACK for all: the gap was filled before it was sent")
		s.read(12000)
		s.end()
	})
	// Segments that were put together on the way count as what they stand for.
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.segmentSize = 1000
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=10000>", "ten segments in one")
		s.want("<SEQ=100><ACK=10300><CTL=ACK>", "one ACK, at once")
		s.read(10000)
	})
}

// RFC 5681, 4.2: "the receiver SHOULD send an immediate duplicate ACK when it receives a data segment above a gap". The
// sender counts them, so those of a batch are not aggregated into one.
func TestDuplicateACKs(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.sendTogether("four segments, and one missing before them",
			"<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "<SEQ=2300><ACK=100><CTL=ACK><DATA=1000>",
			"<SEQ=3300><ACK=100><CTL=ACK><DATA=1000>", "<SEQ=4300><ACK=100><CTL=ACK><DATA=1000>")
		for range 4 {
			s.want("<SEQ=100><ACK=300><CTL=ACK><WND=65535>", "duplicate ACK, with the same window")
		}
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=500>", "half of what is missing")
		s.want("<SEQ=100><ACK=800><CTL=ACK>", "4.2: an immediate ACK for a segment that fills part of a gap")
		s.send("<SEQ=800><ACK=100><CTL=ACK><DATA=500>", "the other half")
		s.want("<SEQ=100><ACK=5300><CTL=ACK>", "all")
		s.read(5000)
	})
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.segmentSize = 1000
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=5000>", "five segments in one, beyond a gap")
		for range 3 {
			s.want("<SEQ=100><ACK=300><CTL=ACK>", "as many duplicate ACKs as make the sender act")
		}
	})
}

// RFC 9293, 3.1: flags that are not known are ignored. ECN is not agreed on, so its flags say nothing.
func TestECNFlagsIgnored(t *testing.T) {
	// RFC 9293 SHLD-8
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN,ECE,CWR><MSS=1000>", "peer offers ECN")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "declined: neither ECE nor CWR")
		s.send("<SEQ=300><ACK=100><CTL=ACK,ECE>", "handshake completes")
		s.state(tcp.StateEstablished)
		s.write(20000)
		before := len(s.unseen)
		s.unseen = nil
		s.send("<SEQ=300><ACK=1100><CTL=ACK,ECE,CWR><DATA=10>", "congestion experienced, it says")
		s.readText(10)
		if len(s.unseen) != 2 {
			t.Errorf("%d segments for an ACK in slow start, want 2, as without ECE; first flight had %d", len(s.unseen), before)
		}
		s.unseen = nil
	})
}
