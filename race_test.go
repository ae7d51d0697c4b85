//go:build race

package usernet_test

// raceEnabled says that the race detector looks on: it takes memory of its own.
const raceEnabled = true
