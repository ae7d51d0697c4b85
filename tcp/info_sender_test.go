package tcp

import (
	"testing"
	"time"
)

// What Info tells of a flight of which a segment is lost. The handshake took no time.
func TestInfoOfLoss(t *testing.T) {
	j := join(t, 0)
	j.a.SetCongestionControl(j.now, builtin("reno")) // without pacing
	mss := j.a.window.MSS
	roundTrip := func(lose func(i int) bool) {
		var flight []Segment
		for {
			var s Segment
			if !j.a.Next(j.now, &s) {
				break
			}
			flight = append(flight, s)
		}
		j.now = j.now.Add(50 * time.Millisecond)
		for i := range flight {
			if lose == nil || !lose(i) {
				j.b.Receive(j.now, &flight[i])
			}
		}
		j.a.Returned()
		j.now = j.now.Add(50 * time.Millisecond)
		for j.pass(&j.b, &j.a) {
		}
	}
	_, _ = j.a.Write(j.now, make([]byte, 10*mss))
	roundTrip(nil)
	i := j.a.Info()
	if i.Delivered != uint64(10*mss) || i.MinRTT != 1 || i.DeliveryRate != 10*mss*10 {
		t.Errorf("after a flight of %d bytes in 100 ms: %d delivered, %d bytes in a second, round trips of %v at least", 10*mss, i.Delivered, i.DeliveryRate, i.MinRTT)
	}
	_, _ = j.a.Write(j.now, make([]byte, 10*mss))
	roundTrip(func(i int) bool { return i == 2 })
	i = j.a.Info()
	if i.Sacked != 7*mss || i.Lost != mss || i.Flight != 0 || i.FlightAgain != 0 || i.Recovery != "fast" || i.Delivered != uint64(19*mss) {
		t.Errorf("one of ten is lost: %+v", i)
	}
	// It is sent again, and arrives.
	if !j.a.Next(j.now, &j.seg) {
		t.Fatal("nothing is sent again")
	}
	if i = j.a.Info(); i.Lost != 0 || i.Flight != mss || i.FlightAgain != mss {
		t.Errorf("it is sent again: %+v", i)
	}
	j.b.Receive(j.now, &j.seg)
	j.a.Returned()
	j.settle()
	i = j.a.Info()
	if i.Sacked != 0 || i.FlightAgain != 0 || i.Recovery != "" || i.Delivered != uint64(20*mss) || i.DSACKs != 0 || i.Reordered != 0 || i.Resent != 1 {
		t.Errorf("it has arrived: %+v", i)
	}
}
