package host

import "time"

// A Clock tells the time and calls back later. The zero Config uses the
// system's; a simulation hands in its own. All methods, and those of its Timers, may
// be called by many goroutines at once, and with locks of the host held: they
// neither wait for the host nor call f themselves.
type Clock interface {
	// Now returns the present instant. It never goes backwards.
	Now() time.Time
	// AfterFunc calls f once when d has passed, at once if d is not positive: on any
	// goroutine that holds none of the host's locks and is not within a call of the
	// host, nor of one of its links.
	AfterFunc(d time.Duration, f func()) Timer
}

// A Timer is one call in the future. *time.Timer is a Timer.
type Timer interface {
	// Reset asks for the call once more, d from now, whether or not it has
	// happened; it reports whether the call was still to come.
	Reset(d time.Duration) bool
	// Stop takes the call back and reports whether it was still to come.
	Stop() bool
}

// A Waker is a Clock that says when goroutines of the application which wait for the
// host go on: when a simulation is done with the event that wakes them.
type Waker interface {
	// Wake calls f once, now or a little later, on any goroutine: f wakes somebody
	// up. It takes no lock and does not wait. Wake is called with locks of the host
	// held, and must neither call the host nor wait for it.
	Wake(f func())
}

// systemClock is the one place in the library that reads the system's clock.
// Inside a testing/synctest bubble its time is the bubble's.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
