//go:build !unix

package main

// onStatsSignal does nothing: this system has no SIGUSR1.
func onStatsSignal(func()) (stop func()) { return func() {} }
