package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progressEvery is how often a line of progress is written anew.
const progressEvery = 200 * time.Millisecond

// A progress shows on a terminal how far long work is; anywhere else it is
// silent.
type progress struct {
	quit chan struct{}
	done sync.WaitGroup
}

// startProgress writes what line returns to w, over and over on one line, until
// stop is called.
func startProgress(w io.Writer, line func() string) *progress {
	p := &progress{quit: make(chan struct{})}
	if !isTerminal(w) {
		return p
	}
	p.done.Go(func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-p.quit:
				fmt.Fprint(w, clearLine)
				return
			case <-tick.C:
				fmt.Fprint(w, clearLine, line())
			}
		}
	})
	return p
}

// clearLine is ANSI's way back to the line's begin, and to erase what stands there.
const clearLine = "\r\x1b[K"

// stop erases the line. It is called once.
func (p *progress) stop() {
	close(p.quit)
	p.done.Wait()
}

// isTerminal says whether f, a reader or writer, is a terminal.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
