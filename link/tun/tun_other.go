//go:build !linux

package tun

import (
	"errors"
	"os"
	"runtime"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/link"
)

func open(Config) (link.Link, error) { return nil, unsupported() }

func fromFile(*os.File, Config) (link.Link, error) { return nil, unsupported() }

func unsupported() error {
	return text.Errorf("tun: not supported on %s, only on linux: %w", runtime.GOOS, errors.ErrUnsupported)
}
