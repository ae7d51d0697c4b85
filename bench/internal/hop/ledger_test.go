package hop

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	good := testPacket(0x00010002, 77, fin|rst|ack, 12)
	s, ok := parse(append(good, 0, 0, 0)) // what is behind the packet is no text
	if want := (Segment{Ports: 0x00010002, FIN: true, RST: true, Text: 12, seq: 77}); !ok || s != want {
		t.Errorf("parsed %+v, %v; want %+v", s, ok, want)
	}
	change := func(i int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[i] = to
		return b
	}
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:39], "version": change(0, 0x65), "header": change(0, 0x44), "long header": change(0, 0x4f),
		"length": change(3, 200), "protocol": change(9, 17), "offset": change(32, 4<<4), "long offset": change(32, 15<<4),
	} {
		if s, ok := parse(b); ok {
			t.Errorf("%s: parsed %+v", name, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(testPacket(1, 2, syn, 3))
	f.Add([]byte{0x45})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, ok := parse(b); ok && (s.Text < 0 || s.Text > len(b)-ipv4Header-tcpHeader) {
			t.Errorf("%d bytes of text in %d", s.Text, len(b))
		}
	})
}

// What was sent again for nothing is told from what was missed.
func TestLedger(t *testing.T) {
	const start = 0xffffff00 // the numbers wrap within the text
	f := &flow{start: start}
	for i, x := range []struct {
		from, text      int64
		lost            bool
		again, spurious bool
	}{
		{from: 0, text: 100},
		{from: 100, text: 100, lost: true},
		{from: 200, text: 200, lost: true},
		{from: 400, text: 100},
		{from: 100, text: 100, lost: true, again: true},
		{from: 250, text: 100, again: true},                            // the middle of what is missing
		{from: 250, text: 100, again: true, spurious: true},            // once more
		{from: 0, text: 150, again: true},                              // some of it is
		{from: 100, text: 50, again: true, spurious: true, lost: true}, // had arrived: its loss is none
		{from: 100, text: 50, again: true, spurious: true},             //
		{from: 150, text: 250, again: true},                            // all the rest
		{from: 100, text: 300, again: true, spurious: true},            //
		{from: 450, text: 100},                                         // half of it is new
		{from: -1, text: 1, again: true, spurious: true},               // a keep-alive
		{from: 550, text: 0},                                           // an ACK
	} {
		s := Segment{seq: uint32(start + x.from), Text: int(x.text)}
		n := f.sent(&s)
		if n.again != x.again || n.spurious != x.spurious || n.from != x.from {
			t.Errorf("%d: %+v, want again %v, spurious %v", i, n, x.again, x.spurious)
		}
		if x.lost {
			f.dropped(n)
		}
	}
	if len(f.missing) != 0 {
		t.Errorf("missing at the end: %v", f.missing)
	}
}

func TestHistogram(t *testing.T) {
	var h, other Histogram
	for i := range 1000 {
		h.Add(time.Duration(i) * 10 * time.Microsecond)
	}
	for _, x := range []struct {
		share float64
		want  time.Duration
	}{{0, 10 * time.Microsecond}, {0.5, 5010 * time.Microsecond}, {0.99, 9910 * time.Microsecond}, {1, 9990 * time.Microsecond}} {
		if got := h.Quantile(x.share); got != x.want {
			t.Errorf("of %v: %v, want %v", x.share, got, x.want)
		}
	}
	other.Add(time.Second)
	h.Merge(&other)
	if h.Max() != time.Second || h.Quantile(1) != time.Second {
		t.Errorf("longest %v, quantile %v", h.Max(), h.Quantile(1))
	}
}
