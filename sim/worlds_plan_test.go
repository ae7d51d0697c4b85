package sim_test

import (
	"math/rand/v2"
	"time"
)

// A finish is how an end of a talk is left.
type finish string

const (
	finishCleanly finish = "cleanly" // after CloseWrite, and the peer's FIN
	finishEarly   finish = "early"   // by Close, whatever is unread or under way
	finishAbort   finish = "abort"   // likewise, by a reset
)

// patience is how long an end of a talk waits for the other. A reset can be lost, and
// who neither writes nor probes does not learn of it.
const patience = 2 * time.Hour

// An endPlan is what an application does with its end of a talk.
type endPlan struct {
	total      int // bytes to write
	chunk      int // most of one Write
	writePause time.Duration
	copies     bool // by ReadFrom and WriteTo

	read      int // most of one Read
	readPause time.Duration
	lateRead  time.Duration // before the first Read

	deadlines time.Duration // about how far apart; 0: none. After each of them it goes on
	finish    finish
	quit      time.Duration // after which it leaves; a finishCleanly should not take that long
	linger    int           // seconds, of Close; negative: in the background
	buffers   int           // to shrink them to in the middle; 0: not
	nagle     bool
	timeout   time.Duration // SetUserTimeout; 0: not
}

func (w *randomWorld) planEnd(r *rand.Rand) endPlan {
	p := endPlan{finish: finishCleanly, linger: -1, quit: patience}
	switch {
	case chance(r, 0.6):
		p.total = between(r, 1<<10, 2<<20)
	case chance(r, 0.6):
		p.total = between(r, 1, 1<<10)
	}
	// Some hundreds of calls, and some minutes, are enough.
	p.chunk = between(r, p.total/200+1, 1<<18)
	if chance(r, 0.3) {
		p.writePause = span(r, 0, 10*time.Second/time.Duration(p.total/p.chunk+1))
	}
	p.read = between(r, 4<<10, 1<<17)
	if chance(r, 0.3) {
		p.readPause = span(r, 0, 300*time.Millisecond)
	}
	if chance(r, 0.2) {
		p.lateRead = span(r, 0, 2*time.Minute)
	}
	if chance(r, 0.3) {
		p.deadlines = span(r, time.Millisecond, 10*time.Second)
	}
	p.copies = p.deadlines == 0 && p.readPause == 0 && chance(r, 0.2)
	if chance(r, 0.3) {
		p.finish = pick(r, finishEarly, finishAbort)
		p.quit = between[time.Duration](r, 1e3, 20e9) &^ 1
	}
	if chance(r, 0.2) && p.finish != finishAbort {
		p.linger = 1 + r.IntN(20)
	}
	if chance(r, 0.1) {
		p.buffers = between(r, 2<<10, 1<<20)
	}
	p.nagle = chance(r, 0.3)
	if w.rough && chance(r, 0.1) {
		p.timeout = span(r, 5*time.Second, time.Minute)
	}
	return p
}
