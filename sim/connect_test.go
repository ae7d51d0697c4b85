package sim_test

import (
	"testing"

	"github.com/usernet-go/usernet/sim"
)

// A host may send before the other end of its cable is attached.
func TestConnectWhileSending(t *testing.T) {
	for range 20 {
		w := sim.New(sim.Config{Seed: 1})
		a, b := w.Host("a"), w.Host("b")
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range 300 {
				if c, err := a.Dial("udp", "10.0.0.2:9"); err == nil {
					c.Write([]byte("hello"))
					c.Close()
				}
			}
		}()
		w.Connect(a, b, sim.Path{})
		<-sent
		w.Close()
	}
}
