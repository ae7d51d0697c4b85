//go:build !race

package xdp_test

const race = false // see race_test.go
