package main

import (
	"context"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/internal/plot"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

var update = flag.Bool("update", false, "draw docs/demo.svg anew")

// demoPicture is what the README shows.
const demoPicture = "docs/demo.svg"

// The README's picture is what the README's command draws. In virtual time it is so
// to the byte; in real time the instants differ a little.
func TestReadmePicture(t *testing.T) {
	var args []string
	for line := range strings.Lines(readText(t)) {
		if _, command, ok := strings.Cut(line, "go run ./cmd/usernet "); ok && strings.Contains(command, demoPicture) {
			args = strings.Fields(command)
		}
	}
	if args == nil || !strings.Contains(readText(t), "]("+demoPicture+")") {
		t.Fatalf("%s does not show %s, and the command that draws it", readme, demoPicture)
	}
	drawn := filepath.Join(t.TempDir(), "demo.svg")
	for i := range args {
		if args[i] == demoPicture {
			args[i] = drawn
		}
	}
	synctest.Test(t, func(t *testing.T) {
		if got := execute(t.Context(), "", args...); got.status != exitOK || got.err != "" {
			t.Fatalf("status %d, error:\n%s", got.status, got.err)
		}
	})
	got, err := os.ReadFile(drawn)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join("../..", demoPicture)
	if *update {
		if err := os.WriteFile(kept, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what TCP does now: look at it after 'go test ./cmd/usernet -run TestReadmePicture -update'", demoPicture)
	}
}

// A file that cannot be written is found before anything is sent.
func TestDemoPlotUnwritable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "missing", "demo.svg")
	got := execute(t.Context(), "", "demo", "--plot", name)
	if got.status != exitFailure || got.out != "" || !strings.Contains(got.err, name) {
		t.Errorf("status %d, error %q, output %q", got.status, got.err, got.out)
	}
}

// A run that fails leaves no empty file, and the one that was there as it was.
func TestDemoPlotInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept.svg")
	if err := os.WriteFile(kept, []byte("a picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{kept, filepath.Join(dir, "new.svg")} {
		if got := execute(ctx, "", "demo", "--plot", name); got.status != exitFailure {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
	if b, err := os.ReadFile(kept); string(b) != "a picture" || err != nil {
		t.Errorf("the old picture is %q, %v", b, err)
	}
}

// Each event has its place in the picture.
func TestPlotter(t *testing.T) {
	start := time.Now()
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	segment := func(seq, ack wire.Seq, text int, again bool, sack ...wire.SACKBlock) tcp.SegmentEvent {
		h := wire.TCP{Seq: seq, Ack: ack, Flags: wire.ACK}
		h.Options.NumSACK = uint8(copy(h.Options.SACK[:], sack))
		return tcp.SegmentEvent{Header: h, Len: text, Window: 5000, Again: again}
	}
	const iss = wire.Seq(1<<32 - 10) // numbers wrap
	syn := segment(iss, 0, 0, false)
	syn.Header.Flags = wire.SYN
	var c curves
	for _, e := range []tcp.Event{
		{Time: ms(0), Kind: tcp.EventSent, Segment: syn},
		{Time: ms(1), Kind: tcp.EventReceived, Segment: segment(7, iss.Add(1), 0, false)},
		{Time: ms(1), Kind: tcp.EventRTT, RTT: tcp.RTTEvent{Sample: time.Millisecond, SRTT: 2 * time.Millisecond, RTO: time.Second}},
		{Time: ms(2), Kind: tcp.EventSent, Segment: segment(iss.Add(1), 8, 0, false)}, // an ACK is not drawn
		{Time: ms(2), Kind: tcp.EventSent, Segment: segment(iss.Add(1), 8, 1000, false)},
		{Time: ms(2), Kind: tcp.EventWindow, Window: tcp.WindowEvent{Cwnd: 3000, Ssthresh: tcp.UnboundedThreshold, Flight: 1000}},
		{Time: ms(3), Kind: tcp.EventReceived, Segment: segment(8, iss.Add(1), 0, false, wire.SACKBlock{Left: iss.Add(501), Right: iss.Add(1001)})},
		{Time: ms(3), Kind: tcp.EventLost, Loss: tcp.LossEvent{From: iss.Add(1), To: iss.Add(501)}},
		{Time: ms(3), Kind: tcp.EventWindow, Window: tcp.WindowEvent{Cwnd: 2000, Ssthresh: 1500, Flight: 500}},
		{Time: ms(3), Kind: tcp.EventSent, Segment: segment(iss.Add(1), 8, 500, true)},
		{Time: ms(4), Kind: tcp.EventReceived, Segment: segment(8, iss.Add(1001), 0, false)},
		{Time: ms(4), Kind: tcp.EventUndo, Undo: tcp.UndoDSACK},
	} {
		c.take(&e)
	}
	for _, tt := range []struct {
		name      string
		got, want []plot.Point
	}{
		{"sent", c.sent, []plot.Point{{X: 0, Y: 0, Y2: 1}, {X: 0.002, Y: 1, Y2: 1001}}},
		{"again", c.again, []plot.Point{{X: 0.003, Y: 1, Y2: 501}}},
		{"acked", c.acked, []plot.Point{{X: 0.001, Y: 1}, {X: 0.004, Y: 1001}}},
		{"window", c.window, []plot.Point{{X: 0.001, Y: 5001}, {X: 0.004, Y: 6001}}},
		{"sacked", c.sacked, []plot.Point{{X: 0.003, Y: 501, Y2: 1001}}},
		{"lost", c.lost, []plot.Point{{X: 0.003, Y: 1}}},
		{"undone", c.undone, []plot.Point{{X: 0.004, Y: 1001}}},
		{"cwnd", c.cwnd, []plot.Point{{X: 0.002, Y: 3000}, {X: 0.003, Y: 2000}}},
		{"flight", c.flight, []plot.Point{{X: 0.002, Y: 1000}, {X: 0.003, Y: 500}}},
		{"ssthresh", c.ssthresh, []plot.Point{{X: 0.002, Y: math.NaN()}, {X: 0.003, Y: 1500}}},
		{"rtt", c.rtt, []plot.Point{{X: 0.001, Y: 0.001}}},
		{"srtt", c.srtt, []plot.Point{{X: 0.001, Y: 0.002}}},
		{"rto", c.rto, []plot.Point{{X: 0.001, Y: 1}}},
	} {
		same := len(tt.got) == len(tt.want)
		for i := 0; same && i < len(tt.got); i++ {
			g, w := tt.got[i], tt.want[i]
			same = math.Abs(g.X-w.X) < 1e-9 && (math.Abs(g.Y-w.Y) < 1e-9 || math.IsNaN(g.Y) && math.IsNaN(w.Y)) && g.Y2 == w.Y2
		}
		if !same {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if c.top != 1001 {
		t.Errorf("the highest number is %v", c.top)
	}
}
