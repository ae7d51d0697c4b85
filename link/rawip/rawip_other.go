//go:build !linux

package rawip

import (
	"errors"
	"fmt"
	"runtime"
)

func open(Config) (driver, error) {
	return nil, fmt.Errorf("rawip: not supported on %s, only on linux: %w", runtime.GOOS, errors.ErrUnsupported)
}
