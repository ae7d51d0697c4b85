//go:build !race

package tun_test

const race = false // see race_test.go
