package pipe

import (
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link"
)

// A flow that never pauses does not keep an end from having its packets delivered
// by their senders: here each packet that is delivered leads to a new one.
func TestHandOverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(Config{})
		packet := []link.Packet{{Data: [][]byte{make([]byte, 60)}}}
		send := func() int {
			n, err := a.Send(packet)
			if err != nil {
				t.Error(err)
			}
			return n
		}
		send()
		delivered, answer := 0, true
		go b.Receive(0, func(batch []link.Packet) {
			if delivered += len(batch); delivered > 10*maxBacklog {
				answer = false
			}
			for range batch {
				if answer {
					send()
				}
			}
		})
		synctest.Wait()
		if delivered != 1+maxBacklog {
			t.Errorf("%d packets were handed over, want the first and %d", delivered, maxBacklog)
		}
		answer = false
		if n := send(); n != 1 || delivered != 2+maxBacklog {
			t.Errorf("then %d was taken and %d delivered: not by the sender", n, delivered)
		}
		a.Close()
		b.Close()
	})
}
