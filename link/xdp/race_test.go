//go:build race

package xdp_test

// race says that the race detector is on. Under it, sync.Pool drops some of
// what it is given, so that nothing can be said about allocations.
const race = true
