//go:build !linux

package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/usernet-go/usernet/link"
)

// open fails: the drivers are Linux's.
func (n *network) open() (link.Link, error) {
	return nil, fmt.Errorf("%v: this needs Linux, and here is %s; 'usernet demo' runs everywhere: %w", &n.device, runtime.GOOS, errors.ErrUnsupported)
}
