//go:build !linux

package xdp

import (
	"errors"
	"fmt"
	"runtime"
)

func open(Config) (device, error) {
	return nil, fmt.Errorf("xdp: not supported on %s, only on linux: %w", runtime.GOOS, errors.ErrUnsupported)
}
