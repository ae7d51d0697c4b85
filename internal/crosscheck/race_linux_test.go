//go:build race

package crosscheck

const bulk = 20 << 20
