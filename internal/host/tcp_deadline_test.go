package host

import (
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link/pipe"
)

// A deadline without a monotonic reading is kept with one: the timers run by the
// monotonic clock, and a deadline by the wall's would, after that was set back, be
// due for the one and not yet over for the other.
func TestDeadlineIsMonotonic(t *testing.T) {
	a, b := newPair(t, pipe.Config{})
	c, _ := tcpPair(t, a, b, "10.0.0.2:7")
	c.SetReadDeadline(time.Now().Add(time.Hour).Round(0))
	if at := c.waits.deadlines.read.at; !strings.Contains(at.String(), " m=") {
		t.Errorf("the deadline is kept as %v", at)
	}
}

// As with package net, a Read of nothing returns nothing, whatever the deadline is.
func TestReadOfNothingAfterDeadline(t *testing.T) {
	a, b := newPair(t, pipe.Config{})
	c, _ := tcpPair(t, a, b, "10.0.0.2:7")
	c.SetReadDeadline(time.Unix(1, 0))
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("Read(nil): %d, %v", n, err)
	}
	c.Close()
	if _, err := c.Read(nil); err != ErrClosed {
		t.Errorf("Read(nil) after Close: %v", err)
	}
}
