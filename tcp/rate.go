package tcp

import "time"

// rateSampler estimates how fast the network delivers, as the section "Delivery
// Rate Samples" of draft-ietf-ccwg-bbr describes. Its names are those of the draft
// where RFC 9293 has none.
type rateSampler struct {
	total   int64   // C.delivered: bytes delivered in the connection's life
	lost    int64   // C.lost: bytes marked lost in the connection's life
	totalAt instant // C.delivered_time: when total grew last
	first   instant // C.first_send_time: when the segment was sent that arrived last

	// appLimited is C.app_limited: the total up to which the user, not the window,
	// was what kept the sender from sending more; 0: it is not so.
	appLimited int64

	told RateSample // for Info
}

// restart is called before something is sent when nothing is in the network.
//
// "If there is no data in flight yet, then we can start the delivery rate interval
// at the current time".
func (s *rateSampler) restart(now instant) { s.first, s.totalAt = now, now }

// stamp notes in the record of a segment that leaves what its sample will need.
func (s *rateSampler) stamp(r *sentRecord, flight int) {
	r.total, r.totalAt, r.first, r.lost = s.total, s.totalAt, s.first, s.lost
	r.inFlight = int32(flight)
	if s.appLimited != 0 {
		r.flags |= sentAppLimited
	}
}

// limit notes that the user has no more to send, while so much is in the network.
func (s *rateSampler) limit(flight int) { s.appLimited = max(s.total+int64(flight), 1) }

// delivered takes a record of which n bytes have arrived, and keeps it in newest if
// it is the one that was sent last.
func (s *rateSampler) delivered(now instant, r *sentRecord, n int, newest *sentRecord) {
	s.total += int64(n)
	s.totalAt = now
	if newest.at == 0 || r.sent(r.end).after(newest.sent(newest.end)) {
		*newest = *r
		// "Update info using the newest packet"
		s.first = r.at
	}
}

// sample makes the sample of an ACK whose newest segment is given.
func (s *rateSampler) sample(newest *sentRecord, minRTT time.Duration) (rs RateSample) {
	if s.appLimited != 0 && s.total > s.appLimited {
		s.appLimited = 0
	}
	if newest.at == 0 {
		return rs
	}
	rs = RateSample{
		PriorTotal: newest.total,
		Delivered:  int(s.total - newest.total),
		// "Use the longer of the send_elapsed and ack_elapsed"
		Interval:   max(newest.at.since(newest.first), s.totalAt.since(newest.totalAt)),
		InFlight:   int(newest.inFlight),
		Lost:       int(s.lost - newest.lost),
		AppLimited: newest.flags.has(sentAppLimited),
	}
	// "Normally we expect interval >= MinRTT. [...] if (RS.interval < C.min_rtt) return"
	if rs.Interval < minRTT {
		rs.Interval = 0
	}
	s.tell(&rs)
	return rs
}
