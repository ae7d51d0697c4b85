package sim_test

import (
	"io"
	"sync"
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

// What is sent into a cut cable is seen as it was, whatever is sent meanwhile.
func TestSendWhileCut(t *testing.T) {
	w := sim.New(sim.Config{Seed: 1})
	defer w.Close()
	a, b := w.Host("a"), w.Host("b")
	w.Connect(a, b, sim.Path{}).Cut()
	w.Trace(io.Discard)
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			c, err := a.Dial("udp", "b:9")
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for range 2000 {
				c.Write([]byte("hello"))
			}
		})
	}
	senders.Wait()
}
