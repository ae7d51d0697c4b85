package ladder

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	syn = wire.SYN
	ack = wire.ACK
	fin = wire.FIN
	rst = wire.RST
	psh = wire.PSH
)

// connections are what the golden files in testdata show.
var connections = []struct {
	name  string
	build func(*script)
}{
	{"whole", func(s *script) {
		s.open(100, 300)
		s.left(30, 101, 301, ack|psh, 5)
		s.right(40, 301, 106, ack|psh, 5)
		s.left(50, 106, 306, ack, 0)
		s.close(60, 106, 306)
	}},
	{"fast-retransmit", func(s *script) {
		s.open(1000, 5000)
		a := s.stream(30, 1001, 5001, 40)
		s.left(100, a, 5001, ack, 1000).lost()
		for i := range 5 {
			s.left(101+float64(i), a+1000+wire.Seq(1000*i), 5001, ack, 1000)
			s.right(111+float64(i), 5001, a, ack, 0)
		}
		s.left(123, a, 5001, ack, 1000)
		a += 6000
		s.right(133, 5001, a, ack, 0)
		a = s.stream(150, a, 5001, 40)
		s.close(300, a, 5001)
	}},
	{"timeout", func(s *script) { // the last text is lost, and at first its retransmission too
		s.open(1000, 5000)
		a := s.stream(30, 1001, 5001, 40)
		s.left(100, a, 5001, ack|psh, 1000).lost()
		s.left(320, a, 5001, ack|psh, 1000).lost()
		s.left(760, a, 5001, ack|psh, 1000)
		s.right(770, 5001, a+1000, ack, 0)
		s.close(800, a+1000, 5001)
	}},
	{"echo", func(s *script) { // text both ways, half-close, loss from the right, a segment that comes twice
		s.open(7, 9)
		a, b := wire.Seq(8), wire.Seq(10)
		for i := range 30 {
			ms := 30 + float64(i)
			e := s.right(ms+10.5, b, a+1000, ack, 1000)
			switch i {
			case 0:
				e.Fate = Duplicated
			case 12:
				e.lost()
			}
			s.left(ms, a, b.Min(12010), ack, 1000)
			a, b = a+1000, b+1000
		}
		s.left(61, a, 12010, fin|ack, 0)
		for i := range 4 {
			s.left(63+float64(i), a+1, 12010, ack, 0)
		}
		s.right(76, 12010, a+1, ack, 1000)
		s.left(86, a+1, b, ack, 0)
		s.right(96, b, a+1, fin|ack, 0)
		s.left(106, a+1, b+1, ack, 0)
	}},
	{"lost-handshake", func(s *script) {
		s.left(0, 100, 0, syn, 0).lost()
		s.left(1000, 100, 0, syn, 0)
		s.right(1010, 300, 101, syn|ack, 0).lost()
		s.left(3000, 100, 0, syn, 0)
		s.right(3010, 300, 101, syn|ack, 0)
		s.left(3020, 101, 301, ack, 0)
	}},
	{"simultaneous", func(s *script) { // RFC 9293, Figures 7 and 13
		s.left(0, 100, 0, syn, 0)
		s.right(1, 300, 0, syn, 0)
		s.right(10, 300, 101, syn|ack, 0)
		s.left(11, 100, 301, syn|ack, 0)
		s.left(50, 101, 301, fin|ack, 0)
		s.right(51, 301, 101, fin|ack, 0)
		s.right(60, 302, 102, ack, 0)
		s.left(61, 102, 302, ack, 0)
	}},
	{"refused", func(s *script) {
		s.left(0, 100, 0, syn, 0)
		s.right(10, 0, 101, rst|ack, 0)
	}},
	{"reset", func(s *script) {
		s.open(100, 300)
		a := s.stream(30, 101, 301, 30)
		s.right(90, 301, a, rst|ack, 0)
	}},
	{"middle", func(s *script) { // the opening was not seen, and numbers wrap
		a := s.stream(0, 0xffffff00, 77, 12)
		s.left(30, a, 77, fin|ack, 0)
		s.right(40, 77, a+1, fin|ack, 0)
		s.left(50, a+1, 78, ack, 0)
	}},
	{"late-fin", func(s *script) { // a FIN that overtakes text does not close
		s.open(100, 300)
		s.left(30, 101, 301, ack, 10).lost()
		s.left(31, 111, 301, fin|ack, 0)
		s.right(41, 301, 101, ack, 0)
		s.left(230, 101, 301, ack, 10)
		s.right(240, 301, 112, ack, 0)
	}},
	{"wide-fold", func(s *script) { // the longest line is one that stands for many
		s.open(100, 300)
		a := s.stream(30, 101, 301, 5000)
		for i := range 1000 { // each is lost, and its retransmission, and that one's
			s.left(6000+float64(i), a, 301, ack, 1000).lost()
			s.left(6000.2+float64(i), a, 301, ack, 1000).lost()
			s.left(6000.4+float64(i), a, 301, ack, 1000)
			a += 1000
		}
		s.right(7600, 301, a, ack, 0)
		s.close(7700, a, 301)
	}},
	{"corrupt", func(s *script) { // the checksum gives it away: as good as lost
		s.open(100, 300)
		s.left(30, 101, 301, ack, 10).lost().Fate = Corrupted
		s.right(35, 301, 101, ack, 10).lost().Fate = Corrupted
		s.left(230, 101, 301, ack, 10)
		s.right(240, 301, 111, ack, 10)
	}},
	{"nothing", func(s *script) {}},
}

func TestDraw(t *testing.T) {
	for _, tt := range connections {
		t.Run(tt.name, func(t *testing.T) {
			var s script
			tt.build(&s)
			got := draw(t, s.events)
			golden := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if again := draw(t, shuffled(s.events)); again != got {
				t.Errorf("the same events in another order:\n%s\nwant:\n%s", again, got)
			}
		})
	}
}

func draw(t *testing.T, events []Event) string {
	t.Helper()
	var b bytes.Buffer
	if err := Draw(&b, "10.0.0.1:40000", "10.0.0.2:7", events); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shuffled returns the events in an order of chance, from a seed that stays.
func shuffled(events []Event) []Event {
	out := make([]Event, len(events))
	for i, j := range rand.New(rand.NewPCG(1, 2)).Perm(len(events)) {
		out[i] = events[j]
	}
	return out
}

// A long connection is drawn in few lines, whatever its length.
func TestDrawFolds(t *testing.T) {
	for _, n := range []int{100, 10_000} {
		var s script
		s.open(100, 300)
		a := s.stream(30, 101, 301, n)
		s.close(float64(n)+100, a, 301)
		lines := bytes.Count([]byte(draw(t, s.events)), []byte("\n"))
		if lines > 20 {
			t.Errorf("%d segments are drawn in %d lines, want at most 20", len(s.events), lines)
		}
	}
}

// An arrival whose time is not known counts as one at the time of sending.
func TestDrawWithoutArrivals(t *testing.T) {
	var s script
	s.open(100, 300)
	s.left(30, 101, 301, ack|psh, 5)
	s.close(60, 106, 301)
	for i := range s.events {
		s.events[i].Arrived = s.events[i].Sent
	}
	want := draw(t, s.events)
	for i := range s.events {
		s.events[i].Arrived = time.Time{}
	}
	if got := draw(t, s.events); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestDrawReportsWriter(t *testing.T) {
	want := errors.New("full")
	if err := Draw(failing{want}, "a", "b", nil); !errors.Is(err, want) {
		t.Errorf("Draw: %v, want %v", err, want)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9951: "10 kB", 450_123: "450 kB",
		999_499: "999 kB", 999_500: "1.0 MB", 4_194_304: "4.2 MB", 5_000_000_000: "5.0 GB",
	} {
		if got := FormatBytes(n); got != want {
			t.Errorf("FormatBytes(%d) = %q, want %q", n, got, want)
		}
	}
}
