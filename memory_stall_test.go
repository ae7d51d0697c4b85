package usernet_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// Readers stop for an hour, and their stack has no memory for what is sent to them: all
// connections live, and when they read again all that was written comes within seconds,
// whether the writers' peers tell them at once or have been probed.
func TestBubbleLongStallWithoutMemory(t *testing.T) {
	// RFC 9293 MUST-37
	for _, pause := range []time.Duration{3 * time.Second, time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			near, far := pipe.New(pipe.Config{MTU: 1500})
			a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{MemoryLimit: 2_500_000})
			attach(t, a, near, 1)
			attach(t, b, far, 2)
			s := stall(t, a, b, 100)
			time.Sleep(pause)
			if x, y := a.Stats(), b.Stats(); x.Connections != 100 || y.Connections != 100 || y.Drops["TCP no memory"] == 0 {
				t.Errorf("after %v there are %d connections at the writers', %d at the readers'; %v", pause, x.Connections, y.Connections, y.Drops)
			}
			began := time.Now()
			s.drain(t)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("after %v it takes %v until all is read", pause, took)
			}
			for i := range s.in {
				s.in[i].Close()
				s.out[i].Close()
			}
		})
	}
}

// A reader's stack has refused text for want of memory, which other connections have: when
// these end, its peer is told, though the reader still does not read.
func TestBubblePeerIsToldOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe.New(pipe.Config{MTU: 1500})
		a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{MemoryLimit: 2_500_000})
		attach(t, a, near, 1)
		attach(t, b, far, 2)
		s := stall(t, a, b, 100)
		time.Sleep(10 * time.Minute)
		last := s.out[99].(*usernet.TCPConn)
		before := last.Info().Queued
		for i := range 99 {
			s.out[i].(*usernet.TCPConn).SetLinger(0)
			s.out[i].Close()
			s.in[i].Close()
		}
		time.Sleep(100 * time.Millisecond)
		if after := last.Info().Queued; before-after < 50_000 {
			t.Errorf("%d bytes wait, and %d when others have given back their memory", before, after)
		}
	})
}
