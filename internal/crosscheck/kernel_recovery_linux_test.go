package crosscheck

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
)

// A round trip of 20 ms, and a queue that takes what a window has grown to before
// something is lost. What may be late is so by a quarter of the round trip.
var (
	cleanPath = link.Path{Rate: 100_000_000, Queue: 4 << 20, Delay: 10 * time.Millisecond}
	lossyPath = link.Path{
		Rate: 100_000_000, Queue: 4 << 20, Delay: 10 * time.Millisecond,
		Loss: 0.02, Reorder: 0.02, ReorderDelay: 5 * time.Millisecond,
	}
)

// recoverySize takes some hundred round trips at 2% loss, about 7 s.
const recoverySize = 4 << 20

// TestKernelRecovery repairs losses together with the kernel: what it says by SACK and
// D-SACK makes us repair them, and what we say makes it, without waiting for a timeout.
// The cases run beside each other: they mostly wait for round trips.
func TestKernelRecovery(t *testing.T) {
	t.Run("to the kernel", func(t *testing.T) { t.Parallel(); recoverHere(t) })
	t.Run("from the kernel", func(t *testing.T) { t.Parallel(); recoverThere(t) })
	t.Run("ACKs", func(t *testing.T) { t.Parallel(); countACKs(t) })
	for _, name := range []string{"reno", "cubic", "bbr"} {
		t.Run(name, func(t *testing.T) { t.Parallel(); carryBy(t, name) })
	}
}

// recoverHere has us repair what is lost.
func recoverHere(t *testing.T) {
	s, host, l := longPath(t, lossyPath, cleanPath, usernet.Config{})
	p := newInfoPair(t, s, host, gate4)
	stalled := stalls()
	carry(t, "to the kernel", p.near, p.far, recoverySize)
	i, k := p.quiet(t)
	late, stats := stalled(), l.Stats()
	needless := int(host.netstat("TCPDSACKOldSent") + host.netstat("TCPDSACKOfoSent"))
	old := int(host.netstat("PAWSEstab"))
	t.Logf("%d lost and %d late of %d segments, %d as old as PAWS drops; %d sent again, %d of them twice there; %d tail probes, %d timeouts, %d stalls",
		stats.Lost, stats.Reordered, k.Data_segs_in, old, i.Resent, needless, i.TailProbes, i.Timeouts, late)
	if !i.SACK || k.Options&optSACK == 0 {
		t.Errorf("SACK %v here, options %#x there", i.SACK, k.Options)
	}
	if stats.Lost == 0 || i.Reordered == 0 {
		t.Errorf("%d were lost, and %d were late", stats.Lost, i.Reordered)
	}
	// Needless are a tail probe each time that the machine is late, and what is sent
	// again before the first segment that was late is known to be so, or later than any
	// before it: by the late timers of a busy machine, too.
	if most := 3 + i.Resent/10 + 3*late; needless > most {
		t.Errorf("%d segments were sent again for nothing, of %d; want at most %d", needless, i.Resent, most)
	}
	// All that was sent again is accounted for: lost, dropped by PAWS, or had twice. An
	// ACK that tells of two D-SACK has room for one.
	if known := int(stats.Lost) + old + needless; i.Resent > known+3+3*late {
		t.Errorf("%d segments were sent again; there were reasons for %d", i.Resent, known)
	}
	// By its D-SACKs the peer tells us of each; one may be the answer to a copy that
	// we do not know to have sent.
	if i.DSACKs > needless || needless > 0 && i.DSACKs == 0 {
		t.Errorf("we know of %d that arrived twice, the kernel of %d", i.DSACKs, needless)
	}
	// Whatever is lost, later text shows it, or a tail probe.
	if i.Timeouts > late {
		t.Errorf("%d timeouts, but only %d stalls of the machine", i.Timeouts, late)
	}
}

// recoverThere has the kernel repair what is lost.
func recoverThere(t *testing.T) {
	path := lossyPath
	path.Duplicate = 0.005
	s, host, l := longPath(t, cleanPath, path, usernet.Config{})
	p := newInfoPair(t, s, host, gate4)
	stalled := stalls()
	carry(t, "from the kernel", p.far, p.near, recoverySize)
	i, k := p.quiet(t)
	late, stats := stalled(), l.arrivals.Stats()
	n := map[string]uint64{}
	for _, name := range []string{
		"TCPSackRecovery", "TCPRenoRecovery", "TCPDSACKRecv", "TCPDSACKOfoRecv", "TCPTimeouts", "TCPLossProbes", "TCPSackFailures",
		"TCPSACKReneging", "TCPSACKDiscard", "TCPDSACKIgnoredDubious", "TCPACKSkippedSeq", "TCPACKSkippedPAWS", "TCPACKSkippedChallenge",
	} {
		n[name] = host.netstat(name)
	}
	t.Logf("%d lost, %d late and %d doubled of %d segments, %d sent again; %d stalls; %v",
		stats.Lost, stats.Reordered, stats.Duplicated, i.TextSegmentsReceived, k.Total_retrans, late, n)
	if k.Options&optSACK == 0 {
		t.Errorf("options %#x, want SACK", k.Options)
	}
	if stats.Lost == 0 || stats.Duplicated == 0 || n["TCPSackRecovery"] == 0 {
		t.Error("the kernel had nothing to repair")
	}
	if n["TCPDSACKRecv"]+n["TCPDSACKOfoRecv"] == 0 || k.Dsack_dups == 0 {
		t.Error("the kernel was told of none that came twice")
	}
	// What it would count if it found our blocks wrong, or too few to act on.
	for _, name := range []string{
		"TCPRenoRecovery", "TCPSACKReneging", "TCPSACKDiscard", "TCPDSACKIgnoredDubious", "TCPACKSkippedSeq", "TCPACKSkippedPAWS", "TCPACKSkippedChallenge",
	} {
		if n[name] != 0 {
			t.Errorf("%s %d, want none", name, n[name])
		}
	}
	if n["TCPTimeouts"] > uint64(late) {
		t.Errorf("%d timeouts, but only %d stalls of the machine", n["TCPTimeouts"], late)
	}
	// As above; the kernel doubts less of what is late.
	if most := stats.Lost + 3 + stats.Lost/4 + 3*uint64(late); uint64(k.Total_retrans) > most {
		t.Errorf("the kernel has sent %d segments again, %d were lost; want at most %d", k.Total_retrans, stats.Lost, most)
	}
}

// countACKs has us acknowledge a stream of full segments, each of which arrives by
// itself: RFC 9293, 3.8.6.3, wants an ACK for each second one (SHLD-19).
func countACKs(t *testing.T) {
	s, host, _ := longPath(t, cleanPath, cleanPath, usernet.Config{})
	p := newInfoPair(t, s, host, gate4)
	// So that its window does not grow beyond what the queue of the device takes: each
	// segment that is sent again has ACKs of its own.
	p.far.SetWriteBuffer(128 << 10)
	// The first text after a pause is acknowledged at once.
	carry(t, "from the kernel, to begin with", p.far, p.near, 1<<20)
	_, before := p.quiet(t)
	carry(t, "from the kernel", p.far, p.near, recoverySize)
	_, k := p.quiet(t)
	acks, texts := k.Segs_in-before.Segs_in, k.Data_segs_out-before.Data_segs_out
	t.Logf("%d ACKs for %d segments", acks, texts)
	if float64(acks) > 0.55*float64(texts) {
		t.Errorf("%d ACKs for %d segments, want one for two, and some more for what is read late", acks, texts)
	}
}

// carryBy has an algorithm of ours carry bytes to the kernel over some loss.
func carryBy(t *testing.T, algorithm string) {
	path := cleanPath
	path.Loss = 0.01
	s, host, l := longPath(t, path, cleanPath, usernet.Config{CongestionControl: algorithm})
	p := newInfoPair(t, s, host, gate4)
	stalled := stalls()
	carry(t, "to the kernel", p.near, p.far, recoverySize)
	i, late := p.near.Info(), stalled()
	t.Logf("%d lost, %d sent again, %d timeouts, %d stalls; %s", l.Stats().Lost, i.Resent, i.Timeouts, late, i.CongestionState)
	if i.CongestionControl != algorithm {
		t.Errorf("%s is in charge", i.CongestionControl)
	}
	if l.Stats().Lost == 0 || i.Resent == 0 {
		t.Error("nothing was lost, or sent again")
	}
	if i.Timeouts > late {
		t.Errorf("%d timeouts, but only %d stalls of the machine", i.Timeouts, late)
	}
}
