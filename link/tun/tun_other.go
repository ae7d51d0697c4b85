//go:build !linux

package tun

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/usernet-go/usernet/link"
)

func open(Config) (link.Link, error) { return nil, unsupported() }

func fromFile(*os.File, Config) (link.Link, error) { return nil, unsupported() }

func unsupported() error {
	return fmt.Errorf("tun: not supported on %s, only on linux: %w", runtime.GOOS, errors.ErrUnsupported)
}
