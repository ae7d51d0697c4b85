package tcp

import "testing"

// TestNewRenoWindow follows RFC 5681, 3.1, with an MSS of 1000.
func TestNewRenoWindow(t *testing.T) {
	var r NewReno
	w := Window{MSS: 1000, Bytes: 10_000, SlowStartThreshold: UnboundedThreshold}
	ack := func(n int) {
		r.Acknowledged(&w, Acknowledgment{Bytes: n, Delivered: n, Before: w.Bytes, Limited: true})
	}
	want := func(bytes, threshold int, why string) {
		t.Helper()
		if w.Bytes != bytes || w.SlowStartThreshold != threshold {
			t.Errorf("%s: cwnd %d ssthresh %d, want %d %d", why, w.Bytes, w.SlowStartThreshold, bytes, threshold)
		}
	}
	ack(1000)
	want(11_000, UnboundedThreshold, "slow start, one segment")
	ack(2000)
	want(12_000, UnboundedThreshold, "slow start, delayed ACK: min(N, SMSS)")
	ack(100)
	want(12_100, UnboundedThreshold, "slow start, ACK division")
	ack(8000)
	want(16_100, UnboundedThreshold, "slow start, ACK of a super-segment: as four delayed ACKs")
	r.Acknowledged(&w, Acknowledgment{Bytes: 5000, Delivered: 5000, Before: 5000})
	want(16_100, UnboundedThreshold, "the window was not used up")
	r.Lost(&w, Loss{Flight: 16_000})
	want(8000, 8000, "fast retransmit")
	for range 7 {
		ack(1000)
	}
	want(8000, 8000, "congestion avoidance, less than a window acknowledged")
	ack(1000)
	want(9000, 8000, "congestion avoidance, a window acknowledged")
	r.Lost(&w, Loss{Flight: 9000, Timeout: true})
	want(1000, 4500, "timeout")
	r.Lost(&w, Loss{Flight: 1000, Timeout: true, Again: true})
	want(1000, 4500, "timeout again: ssthresh stays")
	r.Lost(&w, Loss{Flight: 1000})
	want(2000, 2000, "ssthresh is at least two segments")
	w.Bytes = 50_000
	r.Idle(&w, Idleness{Restart: 10_000})
	want(10_000, 37_500, "restart after a pause, with slow start up to three quarters of the window")
	w.Bytes = UnboundedThreshold
	ack(1 << 30)
	ack(1 << 30)
	if w.Bytes > UnboundedThreshold || w.Bytes < 0 {
		t.Errorf("window is %d", w.Bytes)
	}
}
