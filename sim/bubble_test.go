package sim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// A world that is closed in its bubble may be the test's around it.
func TestWorldOfOuterTest(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		w := sim.New(sim.Config{T: t})
		w.Connect(w.Host("a"), w.Host("b"), sim.Path{})
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A world has one time: what uses it from within another one is told so.
func TestBubbles(t *testing.T) {
	// uses are what a program does first with a network.
	uses := func(w *sim.World) map[string]func() {
		a, b := w.Host("a"), w.Host("b")
		p := w.Connect(a, b, sim.Path{})
		return map[string]func(){
			"Host":    func() { w.Host("c") },
			"Connect": func() { w.Connect(a, b, sim.Path{}) },
			"Dial":    func() { a.Dial("tcp", "b:80") },
			"Set":     func() { p.Set(sim.Path{Delay: time.Second}) },
		}
	}
	check := func(t *testing.T, uses map[string]func(), want string) {
		for name, use := range uses {
			if got := panicOf(use); got != want {
				t.Errorf("%s: got %s; want %s", name, got, want)
			}
		}
	}
	t.Run("made outside", func(t *testing.T) {
		outside := uses(sim.New(sim.Config{T: t}))
		synctest.Test(t, func(t *testing.T) {
			check(t, outside, "sim: a world that was made outside of a testing/synctest bubble is used inside of one: call New inside")
		})
	})
	t.Run("made inside", func(t *testing.T) {
		inside, checked := make(chan map[string]func()), make(chan struct{})
		go func() {
			defer close(checked)
			check(t, <-inside, "sim: a world that was made inside of a testing/synctest bubble is used outside of it: call New outside, or use it inside")
		}()
		synctest.Test(t, func(t *testing.T) {
			inside <- uses(sim.New(sim.Config{T: t}))
			<-checked
		})
	})
}
