//go:build !race

package usernet_test

const raceEnabled = false
