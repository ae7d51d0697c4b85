package tcp

import "github.com/usernet-go/usernet/wire"

// lie sends a segment that says what is not so, some of the time, in the name of the
// end whose ACK s is. It does not say that something has arrived in order which has
// not: nobody could bring that back. All else the sender must bear: the stream comes
// through, if later.
func (w *world) lie(s *Segment) {
	if !w.chance(0.3) {
		return
	}
	w.tally["lies"]++
	w.losses++ // what is not resent in time for a lie
	r, lie := w.random, *s
	switch o := &lie.Options; r.IntN(7) {
	case 0:
		lie.Ack = s.Ack.Add(-r.IntN(1 << 20))
	case 1:
		lie.Ack = s.Ack.Add(1<<26 + r.IntN(1<<30))
	case 2, 3:
		o.NumSACK = uint8(1 + r.IntN(4-2*b2i(o.HasTimestamps)))
		for i := range o.NumSACK {
			left := s.Ack.Add(r.IntN(40_000) - 10_000)
			o.SACK[i] = wire.SACKBlock{Left: left, Right: left.Add(r.IntN(10_000) - 1000)}
		}
	case 4:
		o.NumSACK, o.SACK[0] = 1, wire.SACKBlock{Left: s.Ack.Add(-r.IntN(5000)), Right: s.Ack}
	case 5:
		lie.Flags |= wire.ECE
	case 6:
		o.TSEcr += uint32(r.IntN(1<<14) - 1<<13)
	}
	for range 1 + r.IntN(3) {
		w.carryOne(w.liar, &lie, nil)
	}
}
