package tcp

import (
	"testing"
	"time"
)

// A probe of a window that was closed over text on its way is lent like any segment: an
// acknowledgment that comes while the link has it gives the memory to nobody else.
func TestProbeIsLent(t *testing.T) {
	j := join(t, 0)
	j.a.SetNoDelay(j.now, true)
	if _, err := j.a.Write(j.now, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	var text, probe, ack Segment
	j.a.Next(j.now, &text)
	j.a.Returned()
	j.a.snd.wnd, j.a.probeNow = 0, true
	if !j.a.Next(j.now, &probe) || len(probe.Text) != 1 || string(probe.Text[0]) != "h" {
		t.Fatalf("the probe has %q", probe.Text)
	}
	j.b.Receive(j.now, &text)
	j.now = j.now.Add(time.Second)
	j.b.Advance(j.now)
	if !j.b.Next(j.now, &ack) {
		t.Fatal("no acknowledgment")
	}
	j.a.Receive(j.now, &ack)
	copy(j.cfg.Chunks.get(5, 0, promisedSend).data, "other")
	if got := string(probe.Text[0]); got != "h" {
		t.Errorf("while the link had the probe it became %q", got)
	}
	j.a.Returned()
}
