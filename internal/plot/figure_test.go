package plot

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// sample is a figure with each kind of panel, style and axis.
func sample() *Figure {
	var sent, ack, cwnd, ssthresh, rtt, lost, resent []Point
	for i := range 400 {
		at := float64(i) * 0.005
		w := 20e3 + 40e3*math.Mod(at, 0.5)
		sent = append(sent, Point{X: at, Y: float64(i) * 1448, Y2: float64(i+1) * 1448})
		ack = append(ack, Point{X: at, Y: float64(max(0, i-20)) * 1448})
		cwnd = append(cwnd, Point{X: at, Y: w})
		rtt = append(rtt, Point{X: at, Y: 0.04 + w/1e6})
		if i%97 == 50 {
			lost = append(lost, sent[i])
			resent = append(resent, Point{X: at + 0.05, Y: sent[i].Y, Y2: sent[i].Y2})
		}
	}
	ssthresh = []Point{{X: 0, Y: 60e3}, {X: 0.5, Y: math.NaN()}, {X: 0.6, Y: 30e3}, {X: 2, Y: 30e3}}
	return &Figure{
		Title: "A sample of <everything>", Note: "1.5% loss & 40 ms\nsecond line",
		Panels: []Panel{
			&Chart{Title: "Sequence numbers", Height: 240, X: Axis{Label: "time", Unit: Seconds}, Y: Axis{Unit: Bytes}, Series: []Series{
				{Name: "segment", Style: Ranges, Points: sent},
				{Name: "sent again", Style: Ranges, Color: Red, Bold: true, Points: resent},
				{Name: "acknowledged", Style: Steps, Color: Green, Points: ack, Thin: true},
				{Name: "lost", Style: Crosses, Color: Red, Points: lost},
			}},
			&Chart{Title: "Window", Height: 110, X: Axis{Label: "time", Unit: Seconds}, Y: Axis{Label: "bytes", Unit: Bytes}, Series: []Series{
				{Name: "cwnd", Style: Steps, Points: cwnd},
				{Name: "ssthresh", Style: Line, Dashed: true, Points: ssthresh},
			}},
			&Chart{Title: "Round trip", Height: 110, X: Axis{Unit: Seconds, Min: 0.2, Max: 0.9}, Y: Axis{Unit: Seconds, Log: true}, Series: []Series{
				{Name: "sample", Style: Dots, Points: rtt},
				{Name: "once", Style: Diamonds, Points: []Point{{X: 0.5, Y: 0.05}, {X: 0.5, Y: 0}}},
			}},
			&Chart{Title: "Nothing", Height: 60},
			&Bars{Title: "Goodput", Height: 120, Groups: []string{"0%", "0.1%", "1%"}, Y: Axis{Unit: BitsPerSecond}, Kinds: []Bar{
				{Name: "cubic", Values: []float64{96e6, 80e6, 11e6}}, {Name: "bbr", Values: []float64{95e6, math.NaN(), 85e6}},
			}},
			&Table{Title: "Ratio", Corner: "rate, round trip", Columns: []string{"0", "0.1%", "1%"}, Rows: []string{"10 Mbit/s, 20 ms", "100 Mbit/s, 300 ms"},
				Cells: [][]Cell{{{"1.00", 0}, {"1.05", 0.2}, {"1.60", 1}}, {{"0.80", -0.5}, {"0.50", -2}}}},
		},
	}
}

func TestGolden(t *testing.T) {
	const name = "testdata/sample.svg"
	got := sample().String()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the sample is not %s: look at both, and if the new one is right, go test -update", name)
	}
}

// What is written is XML whatever the texts and the values are.
func TestWellFormed(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	odd := []float64{0, nan, inf, -inf, -1, 1e300, -1e300, 5e-324, 1}
	var points []Point
	for _, x := range odd {
		for _, y := range odd {
			points = append(points, Point{x, y, -y})
		}
	}
	figures := []*Figure{new(Figure), sample()}
	for style := Line; style <= Diamonds; style++ {
		for _, log := range []bool{false, true} {
			figures = append(figures, &Figure{Title: "a\x00\xff<b>&\"", Note: "]]>", Panels: []Panel{
				&Chart{X: Axis{Log: log}, Y: Axis{Log: log}, Series: []Series{{Name: "<&", Style: style, Points: points}}},
				&Chart{Series: []Series{{Points: []Point{{1e300, 5, 6}}}}},
				&Bars{Groups: []string{"<", "&"}, Y: Axis{Log: log}, Kinds: []Bar{{Values: odd}, {Values: nil}}},
				&Bars{}, &Table{}, &Table{Rows: []string{"a", "b"}, Columns: []string{"<"}, Cells: [][]Cell{{{"&", nan}}}},
			}})
		}
	}
	for i, f := range figures {
		text := f.String()
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("figure %d: %v:\n%s", i, err, text)
			}
		}
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("figure %d has a place that is no number:\n%s", i, text)
		}
		if again := f.String(); again != text {
			t.Errorf("figure %d differs when it is written again", i)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		axis   Axis
		lo, hi float64
		want   string
	}{
		{Axis{Label: "time", Unit: Seconds}, 0, 5.85, "time, s: 0 2 4"},
		{Axis{Label: "time", Unit: Seconds}, 0, 0.35, "time, ms: 0 100 200 300"},
		{Axis{Unit: Seconds}, 0, 42e-6, "us: 0 10 20 30 40"},
		{Axis{Unit: Bytes}, 0, 4194304, "MB: 0 1 2 3 4"},
		{Axis{Unit: Bytes}, 0, 1448, "kB: 0 0.5 1.0"},
		{Axis{Unit: BitsPerSecond}, 0, 96e6, "Mbit/s: 0 20 40 60 80"},
		{Axis{Unit: Share}, 0, 0.1, "%: 0 2 4 6 8 10"},
		{Axis{}, -3, 3, ": -2 0 2"},
		{Axis{}, 7, 7, ": 6.6 6.8 7.0 7.2 7.4"},
		{Axis{Log: true}, 1, 1e4, ": 1 10 100 1000 10000"},
		{Axis{Log: true, Unit: Seconds}, 0.01, 0.3, "ms: 10 20 50 100 200"},
		{Axis{Min: 10, Max: 20}, 0, 1000, ": 10 12 14 16 18 20"},
		{Axis{Ticks: []Tick{{1, "one"}, {2, "two"}}}, 1, 2, ": one two"},
		{Axis{}, 1, 0, ": 0 0.2 0.4 0.6 0.8 1.0"}, // no values
	} {
		s := tt.axis.scale(tt.lo, tt.hi, 0, 100, 5)
		var labels []string
		for _, tick := range s.ticks {
			labels = append(labels, tick.Label)
			if at, ok := s.place(tick.At); !ok || at < -0.01 || at > 100.01 && tt.axis.Ticks == nil {
				t.Errorf("%+v of %g to %g: tick %s is at %g", tt.axis, tt.lo, tt.hi, tick.Label, at)
			}
		}
		if got := s.label + ": " + strings.Join(labels, " "); got != tt.want {
			t.Errorf("%+v of %g to %g: %q, want %q", tt.axis, tt.lo, tt.hi, got, tt.want)
		}
	}
}

// A line of very many points has few in each column, and keeps its peaks.
func TestManyPoints(t *testing.T) {
	var points []Point
	for i := range 1_000_000 {
		points = append(points, Point{X: float64(i), Y: float64(i % 7)})
	}
	points[345_678].Y = 100
	f := Figure{Panels: []Panel{&Chart{Series: []Series{{Points: points}}}}}
	text := f.String()
	if len(text) > 100_000 {
		t.Errorf("%d bytes", len(text))
	}
	top := (&Chart{}).legend().height("", 0) + 2*margin
	if !strings.Contains(text, num(top+200-200/1.05)) {
		t.Error("the peak is missing")
	}
}
