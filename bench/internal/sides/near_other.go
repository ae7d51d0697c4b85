//go:build !linux

package sides

import (
	"errors"
	"os/exec"

	"github.com/usernet-go/usernet/bench/internal/load"
)

var errNoLinux = errors.New("only what is joined in memory works without Linux")

// Ready says what a measurement lacks on this machine.
func Ready(s Spec) error {
	if s.NeedsRoot() {
		return errNoLinux
	}
	return nil
}

func inNamespace(*exec.Cmd) {}

func explain(err error) error { return err }

func runNear(Spec) (load.Figures, error) { return nil, errNoLinux }

func runFar(Spec) error { return errNoLinux }
