package usernet

import "github.com/usernet-go/usernet/internal/host"

// A Clock is where a Stack has its time from: see Config.Clock. With one of its own a
// simulation decides when time passes, and in which order timers fire.
//
//	Now() time.Time
//	AfterFunc(d time.Duration, f func()) Timer
//
// Now never goes backwards. AfterFunc calls f once when d has passed, at once if d is
// not positive: on any goroutine that holds none of the stack's locks and is not within
// a call of the stack, nor of one of its links. So f is never called by AfterFunc, Reset
// or a link's Send themselves. Stack.Close waits until an f that runs is done; it must
// not be called by one. What f is called with afterwards does nothing.
//
// All methods, and those of Timers, may be called concurrently, and with locks of the
// stack held: they do not wait for the stack.
type Clock = host.Clock

// A Timer is one call of a Clock in the future, as *time.Timer is of the system's.
//
//	Reset(d time.Duration) bool
//	Stop() bool
//
// Reset asks for the call once more, d from now, whether or not it has happened; Stop
// takes it back. Both report whether it was still to come.
type Timer = host.Timer

// A Waker is a Clock that says when goroutines which wait for the stack go on, in
// Read, Write, Accept, Dial, Ping and all else that blocks.
//
//	Wake(f func())
//
// If Config.Clock has this method, no event of the stack's, such as a packet that
// arrives or a deadline that passes, wakes such a goroutine: Wake is given a
// function that does. A simulation calls it when it is done with the event, so that
// what the goroutine does next does not mix with that. Calls of the application, such
// as Close, wake others in the same way.
//
// Wake calls f once, at once or a little later, on any goroutine; f takes no lock and
// does not wait. Wake is called with locks of the stack held, and must neither call the
// stack nor wait for it.
type Waker = host.Waker
