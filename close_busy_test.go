package usernet_test

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// Stack.Close resets what is open, also connections for which segments are on
// their way into a link at that moment.
func TestStackCloseWhileSending(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			a, b := newPair(t, usernet.Config{}, pipe.Config{})
			c, peer := connect(t, a, b)
			writes := make(chan error)
			started := make(chan struct{})
			go func() {
				var err error
				for i := 0; err == nil; i++ {
					if _, err = c.Write(make([]byte, 64<<10)); i == 20 {
						close(started)
					}
				}
				writes <- err
			}()
			reads := make(chan error)
			go func() {
				_, err := io.Copy(io.Discard, peer)
				reads <- err
			}()
			<-started
			a.Close()
			<-writes
			peer.SetReadDeadline(time.Now().Add(time.Second))
			if err := <-reads; !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the peer reads %v", err)
			}
		})
	}
}
