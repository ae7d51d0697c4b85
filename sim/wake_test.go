package sim

import (
	"testing"
	"testing/synctest"
	"time"
)

// A reader and a writer of one connection, which one packet wakes, must not go on at one
// instant: what they send would be in either order.
func TestWakesAreOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{Seed: 1, T: t})
		c := &clock{engine: w.engine}
		var at []time.Duration
		note := func() { at = append(at, w.engine.now()) }
		c.AfterFunc(time.Millisecond, func() {
			c.Wake(note)
			c.Wake(note)
		})
		c.AfterFunc(time.Millisecond, note)
		time.Sleep(time.Second)
		w.Close()
		if len(at) != 3 || at[0] >= at[1] || at[1] >= at[2] {
			t.Fatalf("two were woken, and an event happened, at %v", at)
		}
		if at[0]%2 != 0 || at[1]%2 != 0 || at[2]%2 == 0 {
			t.Errorf("applications go on at %v and %v, the engine at %v; want even and odd instants", at[0], at[1], at[2])
		}
	})
}
