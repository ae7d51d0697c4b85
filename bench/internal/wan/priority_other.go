//go:build !linux

package wan

func hurry() {}
