package host

import "time"

// A Clock tells the time and calls back later. The zero Config uses the
// system's; a simulation hands in its own.
type Clock interface {
	// Now returns the present instant. It never goes backwards.
	Now() time.Time
	// AfterFunc calls f once, on a goroutine of its own, when d has passed.
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

// systemClock is the one place in the library that reads the system's clock.
// Inside a testing/synctest bubble its time is the bubble's.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
