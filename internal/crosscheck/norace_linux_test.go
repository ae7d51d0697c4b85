//go:build !race

package crosscheck

const bulk = 100 << 20
