package host

import "sync"

// This file is how goroutines of the application that wait for an event are woken:
// at once, or by the Waker, which may do it later. So whoever is woken looks for
// himself, under the lock, at what has become of what he waits for; a channel is
// told of by its waiter, and what is sent on it has room there.
//
// Those who wait for goroutines to end (Close), or for a call of a link
// (sharedPorts), are not woken by an event, and are told at once.

// wakeAll is cond.Broadcast.
func (h *Host) wakeAll(cond *sync.Cond) {
	if h.waker == nil {
		cond.Broadcast()
		return
	}
	h.waker.Wake(cond.Broadcast)
}

// wakeOne is cond.Signal. A signal that comes late does no harm: it comes behind
// what it tells of, and as often.
func (h *Host) wakeOne(cond *sync.Cond) {
	if h.waker == nil {
		cond.Signal()
		return
	}
	h.waker.Wake(cond.Signal)
}

// wakeByClose closes a channel.
func (h *Host) wakeByClose(c chan struct{}) {
	if h.waker == nil {
		close(c)
		return
	}
	h.waker.Wake(func() { close(c) })
}

// wakeWith sends v on a channel that has room for it.
func wakeWith[T any](h *Host, c chan<- T, v T) {
	if h.waker == nil {
		c <- v
		return
	}
	h.waker.Wake(func() { c <- v })
}

// Wake calls f, or has the Waker call it: it wakes somebody up who waits for an
// event, takes no lock and does not wait.
func (h *Host) Wake(f func()) {
	if h.waker == nil {
		f()
		return
	}
	h.waker.Wake(f)
}
