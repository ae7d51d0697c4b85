package tcp

import (
	"testing"

	"pgregory.net/rapid"
)

// prrPath is a sender of RFC 9937, 8: bulk text, in segments, beginning with 20 in the network and Reno's ssthresh of 10.
type prrPath struct {
	p                prr
	inFlight, resend int
}

// ack takes an ACK that says of one segment that it has arrived, and sends what the window has room for.
func (f *prrPath) ack() (cwnd, inFlight, sent int) {
	f.inFlight--
	f.p.acknowledged(1, f.inFlight, 10, 1, false)
	inFlight = f.inFlight
	for f.inFlight < int(f.p.window) || f.resend > 0 {
		f.inFlight++
		f.p.out++
		sent++
		f.resend = 0
	}
	return max(int(f.p.window), inFlight+sent), inFlight, sent
}

// TestPRROneLoss is figure 1 of RFC 9937, from ACK#3 on, which begins the recovery: 22 segments were sent, 2 of them have
// arrived, one is lost. At ACK#19 the figure is a segment ahead of the pseudocode, which is what counts: inflight is ssthresh
// then, not more, and SndCnt ssthresh - inflight. With the next ACK they are together again.
func TestPRROneLoss(t *testing.T) {
	var f prrPath
	f.inFlight = 22 - 2 - 1 // the third that has arrived counts below
	f.p.begin(20, f.inFlight)
	f.resend = 1
	for ack, want := range [][3]int{
		{19, 18, 1}, {18, 18, 0}, {18, 17, 1}, {17, 17, 0}, {17, 16, 1}, {16, 16, 0}, {16, 15, 1}, {15, 15, 0}, {15, 14, 1},
		{14, 14, 0}, {14, 13, 1}, {13, 13, 0}, {13, 12, 1}, {12, 12, 0}, {12, 11, 1}, {11, 11, 0}, {10, 10, 0}, {10, 9, 1},
		{10, 9, 1},
	} {
		cwnd, inFlight, sent := f.ack()
		if got := [3]int{cwnd, inFlight, sent}; got != want {
			t.Fatalf("ACK#%d: cwnd, inflight, sent are %v, want %v", ack+3, got, want)
		}
	}
}

// TestPRRManyLosses is figure 2: the first 15 of 20 are lost, which shows with the third of the five ACKs that follow.
func TestPRRManyLosses(t *testing.T) {
	var f prrPath
	f.inFlight = 22 - 2 - 15
	f.p.begin(20, f.inFlight)
	f.resend = 1
	for ack := 17; ack <= 19; ack++ {
		cwnd, inFlight, sent := f.ack()
		if got, want := [3]int{cwnd, inFlight, sent}, [3]int{5, 4, 1}; got != want {
			t.Fatalf("ACK#%d: cwnd, inflight, sent are %v, want %v", ack, got, want)
		}
	}
	// "once the fast retransmits sent starting at ACK#17 are delivered and elicit ACKs that increment the SND.UNA, PRR enters
	// PRR-SSRB and increases the window by exactly 1 segment per ACK until inflight rises to ssthresh during recovery."
	for f.inFlight < 10 {
		f.inFlight--
		f.p.acknowledged(1, f.inFlight, 10, 1, true)
		if got := int(f.p.window) - f.inFlight; got != 2 {
			t.Fatalf("%d in flight: an ACK of good progress lets %d segments go, want 2", f.inFlight, got)
		}
		f.inFlight += 2
		f.p.out += 2
	}
	f.inFlight--
	f.p.acknowledged(1, f.inFlight, 10, 1, true)
	if f.p.window != 10 {
		t.Errorf("the window is %d, want ssthresh", f.p.window)
	}
}

// RFC 9937, 6.2: "if (DeliveredData is 0) Return"
func TestPRRNothingDelivered(t *testing.T) {
	p := prr{delivered: 3, out: 2, flight: 20, window: 12}
	before := p
	if p.acknowledged(0, 5, 10, 1, true); p != before {
		t.Errorf("an ACK that delivers nothing makes %+v of %+v", p, before)
	}
}

// TestPRRBounds is RFC 9937, 7: "PRR-CRB strictly bounds the data transmitted to be equal to or less than the amount of
// data delivered to the receiver", and with good progress by one segment for each ACK more. What is in the network never
// ends above ssthresh by what is sent, unless it was above already.
func TestPRRBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mss := rapid.IntRange(1, 9000).Draw(t, "mss")
		flight := rapid.IntRange(1, 1<<30-1).Draw(t, "flight")
		ssthresh := rapid.IntRange(1, 1<<30-1).Draw(t, "ssthresh")
		inFlight := rapid.IntRange(0, flight).Draw(t, "inFlight")
		var p prr
		p.begin(flight, inFlight)
		p.held = int32(rapid.IntRange(0, 1<<30-1).Draw(t, "held"))
		safes := 0
		for range 20 {
			delivered := rapid.IntRange(0, inFlight).Draw(t, "delivered")
			safe := rapid.Bool().Draw(t, "safe")
			inFlight -= delivered
			p.acknowledged(delivered, inFlight, ssthresh, mss, safe)
			if delivered == 0 {
				continue
			}
			if safe {
				safes += mss
			}
			room := int(p.window) - inFlight
			if room < 0 || room > 0 && inFlight <= ssthresh && int(p.window) > ssthresh {
				t.Fatalf("window is %d with %d in flight and ssthresh %d", p.window, inFlight, ssthresh)
			}
			sent := rapid.IntRange(0, room).Draw(t, "sent")
			inFlight += sent
			p.out += int32(sent)
			if ssthresh <= flight && int(p.out) > int(p.delivered+p.held)+safes+1 {
				t.Fatalf("%d bytes were sent for %d delivered, and %d for good progress", p.out, p.delivered, safes)
			}
		}
	})
}

// What pacing had held back when a loss was found is sent in the episode, as far as ssthresh: without that, three ACKs
// that say nothing good would keep five segments in the network where ten are to be. With more in the network than
// ssthresh it changes nothing.
func TestPRRHeldBack(t *testing.T) {
	for _, test := range []struct{ flight, held, ssthresh, want int }{
		{5000, 0, 10_000, 5000}, {5000, 3000, 10_000, 8000}, {5000, 9000, 10_000, 10_000},
		{8000, 0, 4000, 6500}, {8000, 3000, 4000, 6500},
	} {
		var p prr
		p.begin(test.flight, test.flight)
		p.held = int32(test.held)
		inFlight := test.flight
		for range 3 {
			inFlight -= 1000
			p.acknowledged(1000, inFlight, test.ssthresh, 1000, false)
			p.out += p.window - int32(inFlight)
			inFlight = int(p.window)
		}
		if inFlight != test.want {
			t.Errorf("%+v: %d are in the network", test, inFlight)
		}
	}
}

// Pacing holds back what the window, the peer and the user would let go.
func TestHeldBack(t *testing.T) {
	c := Conn{window: Window{MSS: 1000, Bytes: 14_000}, tx: new(sender)}
	c.snd.una, c.snd.nxt, c.snd.wnd = 1000, 10_000, 65_000
	c.out.end = 100_000
	for _, test := range []struct {
		change func()
		want   int
	}{
		{func() {}, 0}, // it is not pacing that keeps it from sending
		{func() { c.tx.pace.until = 2 }, 5000},
		{func() { c.snd.wnd = 12_000 }, 3000},
		{func() { c.out.end = 11_000 }, 1000},
		{func() { c.window.Bytes = 8000 }, 0},
		{func() { c.window.Bytes, c.recovery = 14_000, recoveryFast }, 0}, // PRR does
	} {
		test.change()
		if got := c.heldBack(1, 9000); got != test.want {
			t.Errorf("%d bytes are held back, want %d", got, test.want)
		}
	}
}
