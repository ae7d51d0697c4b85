//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onStatsSignal calls f, on a goroutine of its own, for each SIGUSR1 that comes
// until stop is called, which waits for f.
func onStatsSignal(f func()) (stop func()) {
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer close(ended)
		for range signals {
			f()
		}
	}()
	return func() {
		signal.Stop(signals) // nothing is sent after that
		close(signals)
		<-ended
	}
}
