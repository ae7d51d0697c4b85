//go:build !linux

package packet

import (
	"errors"
	"fmt"
	"runtime"
)

func open(Config) (device, error) { return nil, unsupported() }

func openTap(TapConfig) (tap, error) { return nil, unsupported() }

func unsupported() error {
	return fmt.Errorf("packet: not supported on %s, only on linux: %w", runtime.GOOS, errors.ErrUnsupported)
}
