package tcp

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// forget takes a name that a test has registered away again, so that the test can
// run twice.
func forget(t *testing.T, name string) {
	t.Cleanup(func() {
		registered.Lock()
		delete(registered.algorithms, name)
		registered.Unlock()
	})
}

func newTestControl() CongestionControl { return new(NewReno) }

func TestRegisterCongestionControl(t *testing.T) {
	forget(t, "of a test")
	for _, c := range []struct {
		name string
		new  func() CongestionControl
		want string // "": no error
	}{
		{"", newTestControl, "a congestion control needs a name"},
		{"of a test", nil, `congestion control "of a test": the function that makes one is nil`},
		{"reno", newTestControl, `the name "reno" is taken by another congestion control`},
		{"of a test", newTestControl, ""},
		{"of a test", newTestControl, `the name "of a test" is taken by another congestion control`},
	} {
		got := ""
		if err := RegisterCongestionControl(c.name, c.new); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: have %q, want %q", c.name, got, c.want)
		}
	}
	names := CongestionControls()
	if !slices.IsSorted(names) || !slices.Contains(names, "of a test") || !slices.Contains(names, DefaultCongestionControl) {
		t.Errorf("the names are %q", names)
	}
	for _, name := range names {
		a, err := LookupAlgorithm(name)
		if err != nil || a.Name != name || a.New() == nil {
			t.Errorf("%q: %v, %v", name, a, err)
		}
		if cc, ok := NewCongestionControl(name); cc == nil || !ok {
			t.Errorf("NewCongestionControl(%q) = %v, %v", name, cc, ok)
		}
	}
	_, err := LookupAlgorithm("vegas")
	if want := `unknown congestion control "vegas": expected ` + anyOf(names); !errors.Is(err, ErrUnknownAlgorithm) || err.Error() != want {
		t.Errorf("have %v\nwant %s", err, want)
	}
	if cc, ok := NewCongestionControl("vegas"); cc != nil || ok {
		t.Errorf("NewCongestionControl of an unknown name = %v, %v", cc, ok)
	}
}

func TestAnyOf(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"a"}, `"a"`},
		{[]string{"a", "b"}, `"a" or "b"`},
		{[]string{"a", "b", "c"}, `"a", "b" or "c"`},
	} {
		if got := anyOf(c.names); got != c.want {
			t.Errorf("%q: have %s, want %s", c.names, got, c.want)
		}
	}
}

// Many register and look up at once; of those with one name one wins.
func TestRegisterConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 8 {
		own := fmt.Sprintf("of goroutine %d", i)
		forget(t, own)
		forget(t, "of all")
		wg.Go(func() {
			if err := RegisterCongestionControl(own, newTestControl); err != nil {
				t.Error(err)
			}
			if RegisterCongestionControl("of all", newTestControl) == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
			for range 100 {
				if _, err := LookupAlgorithm(own); err != nil {
					t.Error(err)
				}
				CongestionControls()
			}
		})
	}
	if wg.Wait(); won != 1 {
		t.Errorf("%d goroutines have registered one name", won)
	}
}

// beginning is a congestion control that keeps what it was told, and has its way
// with the window.
type beginning struct {
	NewReno
	window Window // what Start found
	told   Beginning
	rate   int
	own    bool
	losses int
}

func (b *beginning) Start(w *Window, s Beginning) {
	b.window, b.told = *w, s
	w.PacingRate, w.Own = b.rate, b.own
}

func (b *beginning) Lost(w *Window, l Loss) {
	b.losses++
	b.NewReno.Lost(w, l)
}

func (b *beginning) algorithm() *Algorithm {
	return &Algorithm{"of a test", func() CongestionControl { return b }}
}

// One algorithm takes over from another while data flows, with the window and the
// round-trip time that there are, but not with the other's pacing.
func TestSetCongestionControl(t *testing.T) {
	j := &joined{now: pairEpoch.Add(time.Second)}
	j.cfg = Config{Epoch: pairEpoch}.WithDefaults()
	first, second := &beginning{rate: 1e9, own: true}, &beginning{}
	j.a.Init(&j.cfg, Params{MSS: 1000, Congestion: (&beginning{}).algorithm()})
	j.b.Init(&j.cfg, Params{MSS: 1000})
	j.b.OpenPassive()
	j.a.SetCongestionControl(j.now, first.algorithm()) // before it has begun
	j.a.OpenActive(j.now)
	j.now = j.now.Add(10 * time.Millisecond)
	j.settle()
	if first.told.Initial != 9880 || first.window.Bytes != 9880 || first.window.SlowStartThreshold != UnboundedThreshold {
		t.Errorf("the first began with %+v, window %+v", first.told, first.window)
	}
	j.a.window.Bytes = 50_000
	j.a.window.SlowStartThreshold = 40_000
	a := second.algorithm()
	j.a.SetCongestionControl(j.now, a)
	if w := second.window; w.Bytes != 50_000 || w.SlowStartThreshold != 40_000 || w.PacingRate != 0 || w.Own || w.MSS != 988 {
		t.Errorf("the second took over %+v", w)
	}
	if s := second.told; s.Now != j.now.Sub(pairEpoch) || s.RTT != j.a.Info().SRTT || s.RTT == 0 {
		t.Errorf("the second was told %+v, the smoothed round-trip time is %v", s, j.a.Info().SRTT)
	}
	second.told = Beginning{}
	j.a.SetCongestionControl(j.now, a)
	if second.told != (Beginning{}) {
		t.Errorf("the same algorithm again began anew: %+v", second.told)
	}
	if name := j.a.Info().CongestionControl; name != "of a test" {
		t.Errorf("Info has the name %q", name)
	}
	if name := j.b.Info().CongestionControl; name != DefaultCongestionControl {
		t.Errorf("Info of the other end has the name %q", name)
	}
}

// A connection that falls back to LISTEN keeps what was chosen for it.
func TestCongestionControlOfListener(t *testing.T) {
	cfg := Config{Epoch: pairEpoch}.WithDefaults()
	var c Conn
	now := pairEpoch.Add(time.Second)
	c.Init(&cfg, Params{MSS: 1000, Congestion: (&beginning{}).algorithm()})
	c.OpenPassive()
	var s Segment
	s.Seq, s.Flags = 100, syn
	c.Receive(now, &s)
	s.Seq, s.Flags = 101, rst
	c.Receive(now, &s)
	if i := c.Info(); i.State != StateListen || i.CongestionControl != "of a test" {
		t.Errorf("after SYN and RST: %v, %q", i.State, i.CongestionControl)
	}
}

// Who takes over while lost segments are repaired, from one that let nobody lead the
// window, is told of a loss: or the window would have nowhere to go.
func TestSetCongestionControlInRecovery(t *testing.T) {
	for _, own := range []bool{false, true} {
		j := &joined{now: pairEpoch.Add(time.Second)}
		j.cfg = Config{Epoch: pairEpoch}.WithDefaults()
		first, second := &beginning{own: own}, &beginning{}
		j.a.Init(&j.cfg, Params{MSS: 1000, Congestion: first.algorithm()})
		j.b.Init(&j.cfg, Params{MSS: 1000})
		j.b.OpenPassive()
		j.a.OpenActive(j.now)
		j.settle()
		j.a.recovery, j.a.tx = recoveryFast, new(sender)
		j.a.SetCongestionControl(j.now, second.algorithm())
		if told := second.losses == 1; told != own {
			t.Errorf("own window %v: told of %d losses", own, second.losses)
		}
	}
}
