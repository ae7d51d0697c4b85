//go:build !linux

package main

import (
	"fmt"
	"runtime"

	"github.com/usernet-go/usernet/link"
)

// open fails: TUN and TAP devices are opened on Linux only.
func (n *network) open() (link.Link, error) {
	return nil, fmt.Errorf("%v: TUN and TAP devices need Linux, this is %s; 'usernet demo' runs everywhere", &n.device, runtime.GOOS)
}
