package tcp_test

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/usernet-go/usernet/tcp"
)

// TIME-WAIT: RFC 9293, 3.6.1 and 3.10.7.4; RFC 6191; RFC 1337.

// timeWait brings the connection to TIME-WAIT: SND.NXT is 101, RCV.NXT 301.
func (s *dialogue) timeWait() {
	s.Helper()
	s.establish()
	s.close()
	s.want("<SEQ=100><ACK=300><CTL=FIN,ACK>", "we close")
	s.send("<SEQ=300><ACK=101><CTL=FIN,ACK>", "peer closes")
	s.want("<SEQ=101><ACK=301><CTL=ACK>", "FIN is acknowledged")
	s.state(tcp.StateTimeWait)
}

func TestTimeWait(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-13
		s.timeWait()
		s.advance(s.cfg.TimeWait - ms)
		s.state(tcp.StateTimeWait)
		s.advance(2 * ms)
		s.ended(nil)
		s.idle("the end of TIME-WAIT is silent")
	})
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-13
		s.timeWait()
		s.advance(50 * time.Second)
		s.send("<SEQ=300><ACK=101><CTL=FIN,ACK>", "our ACK was lost: FIN comes again")
		s.want("<SEQ=101><ACK=301><CTL=ACK>", "acknowledge it, and restart the 2 MSL timeout")
		s.advance(s.cfg.TimeWait - ms)
		s.state(tcp.StateTimeWait)
		s.send("<SEQ=301><ACK=101><CTL=ACK>", "a bare ACK")
		s.idle("is not answered")
		s.send("<SEQ=250><ACK=101><CTL=ACK><DATA=10>", "an old duplicate")
		s.want("<SEQ=101><ACK=301><CTL=ACK>", "an acknowledgment should be sent in reply")
		s.send("<SEQ=301><CTL=RST>", "RST: RFC 1337 has it ignored, lest old duplicates end the wait")
		s.state(tcp.StateTimeWait)
		s.advance(2 * ms)
		s.ended(nil)
	})
	script(t, setup{}, func(s *dialogue) {
		s.timeWait()
		s.send("<SEQ=300><ACK=101><CTL=ACK>", "unacceptable, without text")
		s.want("<SEQ=101><ACK=301><CTL=ACK>", "acknowledged")
		for range 100 {
			s.send("<SEQ=300><ACK=101><CTL=ACK>", "and again")
			s.idle("two ends that are out of step do not acknowledge each other for ever")
		}
	})
}

// recordSize is how many bytes a stack needs for a connection in TIME-WAIT, its four-tuple apart.
const recordSize = 72

// The record that takes the connection's place behaves as the connection does.
func TestTimeWaitRecord(t *testing.T) {
	// RFC 9293 MUST-13
	if n := unsafe.Sizeof(tcp.TimeWait{}); n > recordSize {
		t.Errorf("record has %d bytes, want at most %d", n, recordSize)
	}
	script(t, setup{}, func(s *dialogue) {
		s.timeWait()
		tw := s.conn.TimeWait()
		if got, want := tw.Deadline(), s.now.Add(s.cfg.TimeWait); !got.Equal(want) {
			t.Errorf("record ends at %v, want %v", got, want)
		}
		for _, c := range []struct {
			segment string
			action  tcp.TimeWaitAction
			why     string
		}{
			{"<SEQ=301><ACK=101><CTL=ACK>", tcp.TimeWaitIgnore, "bare ACK"},
			{"<SEQ=301><CTL=RST>", tcp.TimeWaitIgnore, "RST: RFC 1337"},
			{"<SEQ=301><CTL=FIN><DATA=10>", tcp.TimeWaitIgnore, "no ACK"},
			{"<SEQ=250><ACK=101><CTL=ACK><DATA=10>", tcp.TimeWaitReply, "old duplicate"},
			{"<SEQ=300><ACK=101><CTL=FIN,ACK>", tcp.TimeWaitRestart, "retransmission of the remote FIN"},
			{"<SEQ=290><ACK=101><CTL=FIN,ACK><DATA=10>", tcp.TimeWaitRestart, "the same, with text"},
		} {
			s.now = s.now.Add(10 * time.Second)
			before := tw.Deadline()
			var out tcp.Segment
			h, n := s.parse(c.segment, true)
			if got := tw.Receive(s.now, &tcp.Segment{TCP: h, Len: n}, &out); got != c.action {
				t.Errorf("%s: action is %d, want %d", c.why, got, c.action)
			}
			if c.action == tcp.TimeWaitIgnore {
				continue
			}
			s.unseen = append(s.unseen, heard{Segment: out, at: s.now})
			s.want("<SEQ=101><ACK=301><CTL=ACK>", c.why)
			if moved := tw.Deadline().After(before); moved != (c.action == tcp.TimeWaitRestart) {
				t.Errorf("%s: deadline moves: %v", c.why, moved)
			}
		}
	})
}

// RFC 7323, 3.2: "the TSopt MUST be sent in every non-<RST> segment for the duration of the connection", to its end.
func TestTimeWaitRecordTimestamps(t *testing.T) {
	script(t, setup{timestamps: true}, func(s *dialogue) {
		s.timeWait()
		tw := s.conn.TimeWait()
		last := s.peerClock()
		s.now = s.now.Add(time.Second)
		for _, c := range []struct {
			segment string
			action  tcp.TimeWaitAction
			echo    uint32
			why     string
		}{
			{"<SEQ=300><ACK=101><CTL=FIN,ACK>" + s.stamp(-2000), tcp.TimeWaitReply, last, "an old duplicate of the FIN: PAWS"},
			{"<SEQ=300><ACK=101><CTL=FIN,ACK>" + s.stamp(0), tcp.TimeWaitRestart, s.peerClock(), "the FIN again"},
		} {
			var out tcp.Segment
			h, n := s.parse(c.segment, true)
			if got := tw.Receive(s.now, &tcp.Segment{TCP: h, Len: n}, &out); got != c.action {
				t.Errorf("%s: action is %d, want %d", c.why, got, c.action)
			}
			s.unseen = append(s.unseen, heard{Segment: out, at: s.now})
			s.want("<SEQ=101><ACK=301><CTL=ACK>"+s.echo(c.echo), c.why)
		}
	})
}

// RFC 6191, 2: when a SYN may open a connection anew that is in TIME-WAIT.
func TestTimeWaitReopen(t *testing.T) {
	for _, c := range []struct {
		before, after bool // timestamps of the old connection, of the SYN
		tsval         int  // counted from the last one of the old connection
		seq           int  // of the SYN; the old FIN has 300
		reopen        bool
	}{
		{false, false, 0, 301, true},  // greater than the last sequence number
		{false, false, 0, 300, false}, // not greater
		{false, false, 0, 200, false},
		{true, true, 1, 200, true},   // timestamp is greater
		{true, true, 0, 301, true},   // timestamp is equal, sequence number greater
		{true, true, 0, 300, false},  // timestamp is equal, sequence number not greater
		{true, true, -1, 301, false}, // timestamp is smaller: an old duplicate
		{false, true, 0, 200, true},  // timestamps only now
		{true, false, 0, 301, true},  // timestamps no more, sequence number greater
		{true, false, 0, 200, false},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			script(t, setup{timestamps: c.before, mixed: true}, func(s *dialogue) {
				// RFC 9293 SHLD-4
				s.cfg.NoTimestamps = false
				s.timeWait()
				last := s.peerClock()
				s.advance(5 * time.Second)
				syn := fmt.Sprintf("<SEQ=%d><CTL=SYN><MSS=1000>", c.seq)
				if c.after {
					syn += fmt.Sprintf("<TSVAL=%d><TSECR=0>", last+uint32(c.tsval))
				}
				h, _ := s.parse(syn, true)
				tw, out := s.conn.TimeWait(), tcp.Segment{}
				got := tw.Receive(s.now, &tcp.Segment{TCP: h}, &out)
				if c.reopen != (got == tcp.TimeWaitReopen) || !c.reopen && got != tcp.TimeWaitIgnore {
					t.Errorf("record: action is %d, reopen wanted: %v", got, c.reopen)
				}
				s.bare = !c.after
				s.send(syn, "the same SYN to the connection")
				if reopened := s.reason == tcp.ReasonReopen; reopened != c.reopen {
					t.Errorf("connection: reason is %v, reopen wanted: %v", s.reason, c.reopen)
				}
				if c.reopen {
					s.ended(nil) // a listener has the SYN now
				} else {
					s.idle("silently dropped")
					s.state(tcp.StateTimeWait)
				}
			})
		})
	}
	// RFC 9293, 3.6.1: the new initial sequence number is larger than any that the old connection used.
	script(t, setup{}, func(s *dialogue) {
		s.timeWait()
		tw := s.conn.TimeWait()
		for _, off := range []int{0, 1, 1000, -1, -1000, 1 << 30, -1 << 30} {
			candidate := s.machineBase.Add(101 + off)
			if iss := tw.ISS(candidate); iss.Less(s.machineBase.Add(101)) {
				t.Errorf("candidate %d from SND.NXT: ISS is %d before it", off, s.machineBase.Add(101).Sub(iss))
			} else if off >= 0 && iss != candidate {
				t.Errorf("candidate %d from SND.NXT is not taken", off)
			}
		}
	})
}

// RFC 6191, 3: with timestamps an active open may take the four-tuple once their clock has ticked for certain.
func TestTimeWaitReuse(t *testing.T) {
	for _, timestamps := range []bool{false, true} {
		script(t, setup{timestamps: timestamps}, func(s *dialogue) {
			// RFC 9293 SHLD-4
			s.timeWait()
			tw := s.conn.TimeWait()
			if tw.CanReuse(s.now.Add(time.Second - ms)) {
				t.Error("four-tuple may be reused before a second has passed")
			}
			if got := tw.CanReuse(s.now.Add(time.Second)); got != timestamps {
				t.Errorf("after a second four-tuple may be reused: %v, timestamps: %v", got, timestamps)
			}
		})
	}
}
