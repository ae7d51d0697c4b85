package sim_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// A switch drops what the path behind it has no room for, and the path counts it.
func TestSwitchDrops(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *sim.World) {
		a, b, lan := w.Host("a"), w.Host("b"), w.Switch("lan")
		w.Connect(a, lan, sim.Path{MTU: 65535})
		p := w.Connect(lan, b, sim.Path{MTU: 65535})
		if _, err := b.ListenPacket("udp", ":9"); err != nil {
			t.Fatal(err)
		}
		c, err := a.Dial("udp", "b:9")
		if err != nil {
			t.Fatal(err)
		}
		send := func() {
			t.Helper()
			if _, err := c.Write(make([]byte, 65000)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		send() // and they know each other
		before, _ := p.Stats()
		p.Set(sim.Path{Delay: time.Hour})
		for range 1100 {
			send()
		}
		after, _ := p.Stats()
		sent, dropped := after.Sent-before.Sent, after.Overflow
		if fit := uint64(64<<20) / (65042 + 128); sent < 1100 || dropped != 1100-fit {
			t.Errorf("%d packets sent and %d of them dropped, want 1100 or more and %d", sent, dropped, 1100-fit)
		}
	})
}
