package usernet_test

import (
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// Urgent data arrives in line; a Read ends behind it, and Info tells how far it is.
func TestUrgentData(t *testing.T) {
	// RFC 9293 MUST-30, MUST-31, MUST-33
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{}, pipe.Config{})
		c, peer := connect(t, a, b)
		for _, w := range []struct {
			write func([]byte) (int, error)
			text  string
		}{{c.Write, "calm "}, {c.WriteUrgent, "urgent"}, {c.Write, " calm again"}} {
			if n, err := w.write([]byte(w.text)); n != len(w.text) || err != nil {
				t.Fatalf("%q: %d, %v", w.text, n, err)
			}
		}
		synctest.Wait()
		if n := peer.Info().Urgent; n != len("calm urgent") {
			t.Errorf("%d bytes up to the end of the urgent data, want %d", n, len("calm urgent"))
		}
		buf := make([]byte, 100)
		for _, want := range []string{"calm urgent", " calm again"} {
			if n, err := peer.Read(buf); err != nil || string(buf[:n]) != want {
				t.Errorf("read %q, %v; want %q", buf[:n], err, want)
			}
		}
		if n := peer.Info().Urgent; n != 0 {
			t.Errorf("%d bytes are urgent when all was read", n)
		}
	})
}
