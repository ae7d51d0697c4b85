//go:build !linux

package ends

import (
	"errors"

	"github.com/usernet-go/usernet/bench/internal/hop"
)

var errNoKernel = errors.New("the kernel's rows need Linux: leave them out with -stacks " + Usernet + "," + GVisor)

func kernelReady() error { return errNoKernel }

func joinKernel(*hop.Hop, string) (Pair, error) { return nil, errNoKernel }
