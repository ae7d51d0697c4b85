package tcp_test

import (
	"testing"

	"github.com/usernet-go/usernet/tcp"
)

// What the receiver tells of text beyond gaps (RFC 2018), and of text that has arrived twice (RFC 2883).

func TestSACKIsOffered(t *testing.T) {
	// RFC 2018, 2: on SYN, and on SYN,ACK where the peer's SYN had it.
	script(t, setup{sack: true}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN><SACKOK>", "active open")
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><MSS=1000>", "a peer without SACK")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "three-way handshake")
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "no blocks for a peer that has not asked for them")
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "again")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "nor for what has arrived twice")
	})
	script(t, setup{sack: true}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000><SACKOK>", "a peer with SACK")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK><SACKOK>", "passive open")
	})
	script(t, setup{config: func(c *tcp.Config) { c.NoSACK = true }}, func(s *dialogue) {
		s.conn.OpenPassive()
		s.send("<SEQ=299><CTL=SYN><MSS=1000><SACKOK>", "a peer with SACK, which is off here")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK>", "no SACK-permitted")
		s.send("<SEQ=300><ACK=100><CTL=ACK>", "three-way handshake")
		s.send("<SEQ=1300><ACK=100><CTL=ACK><DATA=1000>", "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK>", "no blocks")
	})
	// Both open at once.
	script(t, setup{sack: true}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN><SACKOK>", "active open")
		s.send("<SEQ=299><CTL=SYN><MSS=1000><SACKOK>", "so does the peer")
		s.want("<SEQ=99><ACK=300><CTL=SYN,ACK><SACKOK>", "its offer is taken")
		s.send("<SEQ=299><ACK=100><CTL=SYN,ACK><MSS=1000><SACKOK>", "and ours")
		s.state(tcp.StateEstablished)
		s.send("<SEQ=800><ACK=100><CTL=ACK><DATA=500>", "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-1300>", "a block")
	})
}

// TestSACKExamples is RFC 2018, 7.
func TestSACKExamples(t *testing.T) {
	// Case 2: "The first segment is dropped but the remaining 7 are received."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		ends := []string{"1300", "1800", "2300", "2800", "3300", "3800", "4300"}
		for i, end := range ends {
			s.send(segment(800+500*i, 100, 500), "beyond the gap")
			s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-"+end+">", "one block, which grows")
		}
		s.send(segment(300, 100, 500), "the gap is filled")
		s.want("<SEQ=100><ACK=4300><CTL=ACK>", "at once, and without blocks")
	})
	// Case 3: "The 2nd, 4th, 6th, and 8th (last) segments are dropped."
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send(segment(300, 100, 500), "first")
		s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=800><CTL=ACK>", "in order")
		s.send(segment(1300, 100, 500), "third")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=1300-1800>", "one block")
		s.send(segment(2300, 100, 500), "fifth")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=2300-2800,1300-1800>", "the latest is the first")
		s.send(segment(3300, 100, 500), "seventh")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=3300-3800,2300-2800,1300-1800>", "and the others follow")
		s.send(segment(1800, 100, 500), "the fourth comes late")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=1300-2800,3300-3800>", "two blocks have become one")
		s.send(segment(800, 100, 500), "the second comes too")
		s.want("<SEQ=100><ACK=2800><CTL=ACK><SACK=3300-3800>", "a part of the gap is filled")
	})
}

// TestSACKBlocksThatFit: four, or three beside timestamps; the most recently reported ones.
func TestSACKBlocksThatFit(t *testing.T) {
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		for i, want := range []string{
			"<SACK=400-410>", "<SACK=500-510,400-410>", "<SACK=600-610,500-510,400-410>", "<SACK=700-710,600-610,500-510,400-410>",
			"<SACK=800-810,700-710,600-610,500-510>", "<SACK=900-910,800-810,700-710,600-610>",
		} {
			s.send(segment(400+100*i, 100, 10), "one more run")
			s.want("<SEQ=100><ACK=300><CTL=ACK>"+want, "the latest four")
		}
		s.send(segment(510, 100, 10), "an old run grows")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=500-520,900-910,800-810,700-710>", "it is the latest now")
		s.send(segment(300, 100, 100), "the first gap is filled")
		s.want("<SEQ=100><ACK=410><CTL=ACK><SACK=500-520,900-910,800-810,700-710>", "the rest stays")
	})
	script(t, setup{sack: true, timestamps: true}, func(s *dialogue) {
		s.establish()
		for i, want := range []string{
			"<SACK=400-410>", "<SACK=500-510,400-410>", "<SACK=600-610,500-510,400-410>", "<SACK=700-710,600-610,500-510>",
		} {
			s.send(segment(400+100*i, 100, 10), "one more run")
			s.want("<SEQ=100><ACK=300><CTL=ACK>"+want, "the latest three")
		}
	})
}

// TestSACKOfABatch: each run that a batch touches is told of in the first block of an ACK, in the order of arrival.
func TestSACKOfABatch(t *testing.T) {
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.sendTogether("six runs in one batch", segment(400, 100, 10), segment(500, 100, 10), segment(600, 100, 10), segment(700, 100, 10),
			segment(800, 100, 10), segment(900, 100, 10))
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=400-410,900-910,800-810,700-710>", "the first; where there is room, the latest")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=500-510,400-410,900-910,800-810>", "the second, and what was told before")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=600-610,500-510,400-410,900-910>", "the third")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=700-710,600-610,500-510,400-410>", "the fourth")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-810,700-710,600-610,500-510>", "the fifth")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=900-910,800-810,700-710,600-610>", "the sixth")
	})
	// Ten segments of one run are not ten ACKs; three are enough for a sender that counts them.
	script(t, setup{sack: true}, func(s *dialogue) {
		// RFC 9293 MUST-58
		s.establish()
		var batch []string
		for i := range 10 {
			batch = append(batch, segment(1300+1000*i, 100, 1000))
		}
		s.sendTogether("ten segments beyond a gap", batch...)
		for range 3 {
			s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=1300-11300>", "one block, three times")
		}
		s.sendTogether("two more runs, and the gap is filled", segment(12300, 100, 1000), segment(14300, 100, 1000), segment(300, 100, 1000))
		s.want("<SEQ=100><ACK=11300><CTL=ACK><SACK=12300-13300,14300-15300>", "first run")
		s.want("<SEQ=100><ACK=11300><CTL=ACK><SACK=14300-15300,12300-13300>", "second run")
		s.sendTogether("a run, and then all is there", segment(16300, 100, 1000), segment(11300, 100, 1000), segment(13300, 100, 1000), segment(15300, 100, 1000))
		s.want("<SEQ=100><ACK=17300><CTL=ACK>", "one ACK: there is nothing more to tell")
	})
}

// TestSACKBesideText: blocks do not make a segment longer than the path carries.
func TestSACKBesideText(t *testing.T) {
	script(t, setup{sack: true, timestamps: true, maxSegment: 10000}, func(s *dialogue) {
		// RFC 9293 MUST-16
		s.establish()
		s.send(segment(800, 100, 500), "beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-1300>", "an ACK")
		s.write(988 * 3)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=2964>", "full segments have no room for blocks")
		s.send("<SEQ=300><ACK=3064><CTL=ACK>", "acknowledged")
		s.write(976)
		s.want("<SEQ=3064><ACK=300><CTL=ACK><DATA=976><SACK=800-1300>", "there is room for one")
		s.send("<SEQ=300><ACK=4040><CTL=ACK>", "acknowledged")
		s.write(977)
		s.want("<SEQ=4040><ACK=300><CTL=ACK><DATA=977>", "there is none")
		s.send(segment(1800, 5017, 500), "a second run")
		s.want("<SEQ=5017><ACK=300><CTL=ACK><SACK=1800-2300,800-1300>", "an ACK")
		// What is new for the sender does not wait for a segment that has no room for it.
		s.receive(segment(2800, 5017, 500), "a third run")
		s.write(988)
		s.want("<SEQ=5017><ACK=300><CTL=ACK><SACK=2800-3300,1800-2300,800-1300>", "it is told first")
		s.want("<SEQ=5017><ACK=300><CTL=ACK><DATA=988>", "then the text follows")
		s.receive(segment(300, 6005, 500), "a part of the gaps is filled")
		s.write(988)
		s.want("<SEQ=6005><ACK=1300><CTL=ACK><SACK=2800-3300,1800-2300>", "that too")
		s.want("<SEQ=6005><ACK=1300><CTL=ACK><DATA=988>", "then the text follows")
	})
}

// TestSACKOfFIN: the FIN has a number, and is told of with what arrived before it.
func TestSACKOfFIN(t *testing.T) {
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=800><ACK=100><CTL=FIN,ACK><DATA=500>", "text and FIN beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=800-1301>", "both")
		s.send(segment(300, 100, 500), "the gap is filled")
		s.want("<SEQ=100><ACK=1301><CTL=ACK>", "all is there")
		s.state(tcp.StateCloseWait)
	})
	script(t, setup{sack: true}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=1300><ACK=100><CTL=FIN,ACK>", "FIN beyond a gap")
		s.want("<SEQ=100><ACK=300><CTL=ACK><SACK=1300-1301>", "FIN")
		s.send(segment(300, 100, 500), "a part of the gap is filled")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=1300-1301>", "at once")
		s.send(segment(900, 100, 400), "what comes before FIN")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=900-1301>", "both")
		s.send("<SEQ=1300><ACK=100><CTL=FIN,ACK>", "FIN again")
		s.want("<SEQ=100><ACK=800><CTL=ACK><SACK=900-1301>", "both")
		s.send(segment(800, 100, 100), "the gap is filled")
		s.want("<SEQ=100><ACK=1301><CTL=ACK>", "all is there")
		s.send("<SEQ=1300><ACK=100><CTL=FIN,ACK>", "FIN again")
		s.want("<SEQ=100><ACK=1301><CTL=ACK><SACK=1300-1301>", "it has arrived twice")
		s.state(tcp.StateCloseWait)
	})
}
