package tcp

// prr is Proportional Rate Reduction (RFC 9937): it leads what is in the network
// down to the slow start threshold while losses are repaired, or after a
// congestion mark.
type prr struct {
	delivered int32 // prr_delivered: bytes delivered in this episode
	out       int32 // prr_out: bytes sent in it
	flight    int32 // RecoverFS
	window    int32 // cwnd
	// held is what pacing had held back when the episode began. It may still be sent, as
	// far as ssthresh: otherwise the episode would keep the network as empty as pacing had
	// made it.
	held int32
}

// begin starts an episode: flight is what may be delivered in it.
func (p *prr) begin(flight, inFlight int) {
	*p = prr{flight: max(int32(flight), 1), window: int32(inFlight)}
}

// acknowledged takes an ACK that says of so many bytes that they were delivered.
// safe says that it "cumulatively acknowledged new data and [...] does not indicate
// further losses" (RFC 9937, 6.2: SafeACK).
func (p *prr) acknowledged(delivered, inFlight, ssthresh, mss int, safe bool) {
	// RFC 9937, 6.2: "if (DeliveredData is 0) Return"
	if delivered == 0 {
		return
	}
	p.delivered += int32(delivered)
	sent := int(p.out)
	var count int // SndCnt
	if inFlight > ssthresh {
		// "out = DIV_ROUND_UP(prr_delivered * ssthresh, RecoverFS), SndCnt = out -
		// prr_out"
		out := (int64(p.delivered)*int64(ssthresh) + int64(p.flight) - 1) / int64(p.flight)
		count = int(min(out, 1<<30)) - sent
	} else {
		// "SndCnt = MAX(prr_delivered - prr_out, DeliveredData)"
		count = max(int(p.delivered+p.held)-sent, delivered)
		if safe {
			count += mss
		}
		count = min(ssthresh-inFlight, count)
	}
	// "if (prr_out is 0 AND SndCnt is 0) Force a fast retransmit upon entering
	// recovery": Conn.resendNow does.
	p.window = int32(inFlight + max(count, 0))
}
