package hop

import "time"

// A waiter is how the hop's thread waits.
type waiter interface {
	watch(fd int)         // before begin: wait ends when fd can be read
	begin()               // on the thread
	wait(d time.Duration) // d < 0: without end
	wake()                // ends the wait that is under way, or the next
	close()
}

// A timerWaiter waits with Go's timers, and cannot watch descriptors. In a
// testing/synctest bubble its time is the bubble's.
type timerWaiter struct{ woken chan struct{} }

func newTimerWaiter() *timerWaiter { return &timerWaiter{make(chan struct{}, 1)} }

func (w *timerWaiter) watch(int) { panic("BUG: a device without a system that has one") }
func (w *timerWaiter) begin()    {}
func (w *timerWaiter) close()    {}

func (w *timerWaiter) wait(d time.Duration) {
	if d < 0 {
		<-w.woken
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.woken:
	}
}

func (w *timerWaiter) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}
