package tcp_test

import "testing"

// TestDSACKExamples is RFC 2883, 4.1 and 4.2, with other numbers.
func TestDSACKExamples(t *testing.T) {
	// Example 1: "Reporting a duplicate segment."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.sendTogether("two segments", segment(300, 100, 500), segment(800, 100, 500))
		s.want("<SEQ=100><ACK=1300><CTL=ACK>", "in order")
		s.send(segment(300, 100, 500), "the first again")
		s.want("<SEQ=100><ACK=1300><CTL=ACK><SACK=300-800>", "the sender hears that it was not needed")
		s.send(segment(1300, 100, 10), "the next")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=1310><CTL=ACK>", "each is reported once")
	})
	// Example 2: "Reporting an out-of-order segment and a duplicate segment."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.sendTogether("two segments", segment(300, 100, 500), segment(800, 100, 500))
		s.want("<SEQ=100><ACK=1300><CTL=ACK>", "in order")
		s.send(segment(1800, 100, 500), "beyond a gap")
		s.want("<SEQ=100><ACK=1300><CTL=ACK><SACK=1800-2300>", "a block")
		s.send(segment(300, 100, 500), "the first again")
		s.want("<SEQ=100><ACK=1300><CTL=ACK><SACK=300-800,1800-2300>", "the duplicate comes first")
		s.send(segment(2300, 100, 500), "the next")
		s.want("<SEQ=100><ACK=1300><CTL=ACK><SACK=1800-2800>", "each is reported once")
	})
	// Example 3: "Reporting a duplicate of an out-of-order segment."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send(segment(800, 100, 500), "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-1300>", "a block")
		s.send(segment(1300, 100, 500), "the next")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-1800>", "the block grows")
		s.send(segment(1300, 100, 500), "the next again")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=1300-1800,800-1800>", "and the block that it belongs to")
	})
	// Example 4: "Reporting a single duplicate subsegment."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send(segment(1300, 100, 500), "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=1300-1800>", "a block")
		s.send(segment(300, 100, 500), "a part of the gap")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=1300-1800>", "is filled")
		s.send(segment(300, 100, 1000), "a longer one from there on")
		s.want("<SEQ=100><ACK=1800><CTL=ACK><SACK=300-800>", "half of it had arrived")
	})
	// Example 5: "Two non-contiguous duplicate subsegments covered by the cumulative acknowledgement."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send(segment(2300, 100, 500), "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=2300-2800>", "a block")
		s.send(segment(300, 100, 500), "a part of the gap")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=2300-2800>", "is filled")
		s.send(segment(1300, 100, 500), "another run")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=1300-1800,2300-2800>", "two blocks")
		s.send(segment(300, 100, 1500), "a long one")
		s.want("<SEQ=100><ACK=1800><CTL=ACK><SACK=300-800,2300-2800>", "only the first part is reported")
	})
	// Example 6: "Two non-contiguous duplicate subsegments not covered by the cumulative acknowledgement."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send(segment(2800, 100, 500), "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=2800-3300>", "a block")
		s.send(segment(800, 100, 500), "another run")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-1300,2800-3300>", "two")
		s.send(segment(1800, 100, 500), "another run")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=1800-2300,800-1300,2800-3300>", "three")
		s.send(segment(800, 100, 1500), "a long one")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-1300,800-2300,2800-3300>", "the first part, and the block that it belongs to")
	})
}

// TestDSACKOfABatch: duplicates that follow one another are reported as one, others each in an ACK of its own.
func TestDSACKOfABatch(t *testing.T) {
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.sendTogether("four segments", segment(300, 100, 500), segment(800, 100, 500), segment(1300, 100, 500), segment(1800, 100, 500))
		s.want("<SEQ=100><ACK=2300><CTL=ACK>", "in order")
		s.sendTogether("some again", segment(300, 100, 500), segment(800, 100, 500), segment(1800, 100, 500))
		s.want("<SEQ=100><ACK=2300><CTL=ACK><SACK=300-1300>", "two in one")
		s.want("<SEQ=100><ACK=2300><CTL=ACK><SACK=1800-2300>", "one")
		s.sendTogether("old and new", segment(1300, 100, 1500), segment(2800, 100, 500))
		s.want("<SEQ=100><ACK=3300><CTL=ACK><SACK=1300-2300>", "the ACK for all of it")
	})
}

// TestDSACKAndPAWS is RFC 2883, 4.3: "The D-SACK block can be included in the SACK option of the ACK [...] independently of
// the use of PAWS by the TCP receiver". It is how a sender learns that what it sent again had only come late.
func TestDSACKAndPAWS(t *testing.T) {
	script(t, setup{sack: true, timestamps: true}, func(s *dialogue) {
		s.establish()
		early := "<TSVAL=1000><TSECR=0>"
		s.advance(100 * ms)
		s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=500>", "sent again")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=800><CTL=ACK>", "in order")
		if s.tsBase == 0 { // the notation does not move timestamps
			s.send("<SEQ=300><ACK=100><CTL=ACK><DATA=500>"+early, "the first copy comes late")
			s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=300-800>", "and is reported")
		}
	})
}

// TestDSACKWithText: the duplicate is reported before text that has no room for it.
func TestDSACKWithText(t *testing.T) {
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send(segment(300, 100, 500), "a segment")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=800><CTL=ACK>", "in order")
		s.receive(segment(300, 100, 500), "again")
		s.write(1000)
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=300-800>", "reported")
		s.want("<SEQ=100><ACK=800><CTL=ACK><DATA=1000>", "text")
	})
}
