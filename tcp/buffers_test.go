package tcp

import (
	"testing"
	"time"
)

// A path is short by its least round trip, or, where nothing was acknowledged that was
// sent once only, by the timestamps'.
func TestShortPath(t *testing.T) {
	for _, tt := range []struct {
		least, srtt time.Duration
		want        bool
	}{
		{200 * time.Microsecond, 5 * time.Millisecond, true},
		{2 * time.Millisecond, 5 * time.Millisecond, false},
		{0, 100 * time.Millisecond, false},
		{0, 500 * time.Microsecond, true},
	} {
		var c Conn
		c.rtt.srtt = tt.srtt
		if tt.least > 0 {
			c.rtt.least.sample(1, tt.least)
		}
		if got := c.onShortPath(); got != tt.want {
			t.Errorf("least round trip %v, smoothed %v: %v", tt.least, tt.srtt, got)
		}
	}
}
