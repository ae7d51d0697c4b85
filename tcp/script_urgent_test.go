package tcp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// Urgent data: RFC 9293, 3.8.5, and RFC 6093.

func TestUrgentSent(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-30, MUST-31, MUST-62
		s.establish()
		s.write(10)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=10>", "not urgent")
		s.writeUrgent(2500)
		s.want("<SEQ=110><ACK=300><CTL=URG,ACK><DATA=1000><UP=2500>", "points to the byte behind the urgent data")
		s.want("<SEQ=1110><ACK=300><CTL=URG,ACK><DATA=1000><UP=1500>", "each segment does")
		s.want("<SEQ=2110><ACK=300><CTL=URG,ACK><DATA=500><UP=500>", "to the last")
		s.send("<SEQ=300><ACK=2610><CTL=ACK>", "acknowledged")
		s.write(10)
		s.want("<SEQ=2610><ACK=300><CTL=ACK><DATA=10>", "no longer urgent")
		s.send("<SEQ=300><ACK=2620><CTL=ACK>", "acknowledged")
	})
	// The pointer goes ahead of the data when the window keeps that back.
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-30
		s.establish()
		s.write(1000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "window is full")
		s.writeUrgent(20)
		s.want("<SEQ=1100><ACK=300><CTL=URG,ACK><UP=20>", "urgent condition is announced all the same")
		s.send("<SEQ=300><ACK=1100><CTL=ACK>", "acknowledged")
		s.want("<SEQ=1100><ACK=300><CTL=URG,ACK><DATA=20><UP=20>", "and the data follows")
		s.send("<SEQ=300><ACK=1120><CTL=ACK>", "acknowledged")
	})
	// Farther away than the field can say.
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-31
		s.establish()
		s.writeUrgent(100000)
		s.want("<SEQ=100><ACK=300><CTL=URG,ACK><DATA=1000><UP=65535>", "as far as the field can say")
		for seq := 1100; seq < 100100; {
			got := s.unseen
			s.skip("flight")
			for _, g := range got {
				want := uint16(min(100100-(seq), 65535))
				if !g.Flags.Has(wire.URG) || g.Urgent != want {
					t.Fatalf("at %d urgent pointer is %d, want %d", seq, g.Urgent, want)
				}
				seq += g.Len
			}
			s.send(segment(300, seq, 0), "acknowledged")
		}
	})
}

// What announces urgent data is a duplicate ACK to the peer: three of them would start a
// fast retransmit of what it has sent (RFC 5681, 2 and 3.2).
func TestUrgentAnnouncedOnce(t *testing.T) {
	script(t, setup{window: 1000}, func(s *dialogue) {
		// RFC 9293 MUST-30
		s.establish()
		s.write(1000)
		s.want("<SEQ=100><ACK=300><CTL=ACK><DATA=1000>", "window is full")
		s.writeUrgent(20)
		s.want("<SEQ=1100><ACK=300><CTL=URG,ACK><UP=20>", "urgent condition is announced")
		for range 3 {
			s.writeUrgent(20)
			s.nothingElse("it is known")
		}
		s.send("<SEQ=300><ACK=1100><CTL=ACK>", "acknowledged")
		s.want("<SEQ=1100><ACK=300><CTL=URG,ACK><DATA=80><UP=80>", "the pointer has moved with the data")
		s.send("<SEQ=300><ACK=1180><CTL=ACK>", "acknowledged")
	})
}

// writeUrgent has the user write n bytes of urgent data.
func (s *dialogue) writeUrgent(n int) {
	s.Helper()
	s.nothingElse("before the user writes")
	s.logf("    (write %d, urgent)", n)
	if got, err := s.conn.WriteUrgent(s.now, text(s.written, n)); got != n || err != nil {
		s.Fatalf("WriteUrgent of %d returns %d, %v", n, got, err)
	}
	s.written += n
	s.drain()
}

// urgent checks how much urgent data remains to be read, and whether the user is signalled now.
func (s *dialogue) urgent(n int, signal bool, why string) {
	s.Helper()
	if got := s.conn.Urgent(); got != n {
		s.Fatalf("%s: %d bytes up to the urgent pointer, want %d", why, got, n)
	}
	if got := s.conn.UrgentSignal(); got != signal {
		s.Fatalf("%s: user is signalled: %v, want %v", why, got, signal)
	}
}

func TestUrgentReceived(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-30, MUST-31, MUST-32, MUST-33, MUST-62
		s.establish()
		s.urgent(0, false, "at first")
		s.send("<SEQ=300><ACK=100><CTL=URG,ACK><DATA=1000><UP=3000>", "3000 bytes are urgent, 1000 are here")
		s.urgent(3000, true, "urgent pointer, and there was no urgent data before")
		s.urgent(3000, false, "told once")
		s.send("<SEQ=1300><ACK=100><CTL=URG,ACK><DATA=1000><UP=2000>", "the same pointer")
		s.want("<SEQ=100><ACK=2300><CTL=ACK>", "acknowledged as any other text")
		s.urgent(3000, false, "nothing new")
		s.read(500)
		s.urgent(2500, false, "500 are read: in line, with what is not urgent")
		s.send("<SEQ=2300><ACK=100><CTL=URG,ACK><DATA=1000><UP=1200>", "pointer advances by 200")
		s.urgent(2700, true, "pointer advances")
		s.send("<SEQ=3300><ACK=100><CTL=ACK><DATA=300>", "the last 200 of it, and 100 that are not urgent")
		s.want("<SEQ=100><ACK=3600><CTL=ACK>", "acknowledged")
		s.read(2600)
		s.urgent(100, false, "100 remain")
		b := make([]byte, 500)
		if n, err := s.conn.Read(s.now, b); n != 100 || err != nil {
			t.Errorf("Read returns %d, %v, want the 100 bytes up to the urgent pointer: the boundary is marked so", n, err)
		}
		s.consumed += 100
		s.urgent(0, false, "normal mode")
		s.read(100)
	})
	// An old pointer does not take the new one back (RFC 9293, 3.10.7.4: RCV.UP <- max(RCV.UP,SEG.UP)).
	script(t, setup{}, func(s *dialogue) {
		// RFC 9293 MUST-32
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=URG,ACK><UP=50>", "announced ahead of the data")
		s.urgent(50, true, "signalled before the data is here")
		s.send("<SEQ=300><ACK=100><CTL=URG,ACK><DATA=10><UP=20>", "a pointer that recedes")
		s.urgent(50, false, "is not believed")
		s.send("<SEQ=310><ACK=100><CTL=ACK><DATA=50>", "without URG")
		s.read(50)
		s.urgent(0, false, "all read")
		s.send("<SEQ=300><ACK=100><CTL=URG,ACK><DATA=60><UP=40>", "an old duplicate")
		s.want("<SEQ=100><ACK=360><CTL=ACK>", "nothing new")
		s.urgent(0, false, "nothing new")
		s.read(10)
	})
	// RFC 9293, 3.1: "a positive offset from the sequence number in this segment", which is that of the SYN.
	script(t, setup{}, func(s *dialogue) {
		s.conn.OpenActive(s.now)
		s.drain()
		s.want("<SEQ=99><CTL=SYN>", "active open")
		s.send("<SEQ=299><ACK=100><CTL=SYN,URG,ACK><DATA=10><UP=5><MSS=1000>", "four bytes are urgent")
		s.want("<SEQ=100><ACK=310><CTL=ACK>", "acknowledged")
		s.urgent(4, true, "pointer is at 304")
		s.read(10)
	})
	// Whatever a peer puts there.
	for _, up := range []int{0, 1, 65535} {
		script(t, setup{}, func(s *dialogue) {
			s.establish()
			s.send(fmt.Sprintf("<SEQ=300><ACK=100><CTL=URG,ACK><DATA=10><UP=%d>", up), "an odd pointer")
			got := 0
			for b := make([]byte, 100); got < 10; {
				n, err := s.conn.Read(s.now, b)
				if err != nil {
					t.Fatal(err)
				}
				got += n
			}
			s.consumed += 10
			s.wantAfter(s.cfg.DelayedACK, "<SEQ=100><ACK=310><CTL=ACK>", "text arrives all the same")
		})
	}
}

// Who has closed the reading side has nothing urgent left to read.
func TestUrgentAfterCloseRead(t *testing.T) {
	script(t, setup{}, func(s *dialogue) {
		s.establish()
		s.send("<SEQ=300><ACK=100><CTL=URG,ACK><DATA=100><UP=200>", "200 bytes are urgent, 100 are here")
		s.do("CloseRead", s.conn.CloseRead(s.now))
		s.skip("an ACK, perhaps")
		s.send("<SEQ=400><ACK=100><CTL=ACK><DATA=1000>", "the rest, and what is not urgent")
		s.skip("acknowledged, now or later")
		if n := s.conn.Urgent(); n != 0 {
			s.Errorf("%d bytes are urgent, want 0", n)
		}
		s.advance(time.Second)
		s.skip("an ACK")
	})
}
