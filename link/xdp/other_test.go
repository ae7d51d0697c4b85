//go:build !linux

package xdp_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link/xdp"
)

// Where there is no driver, the error says so, and on which system.
func TestUnsupported(t *testing.T) {
	_, err := xdp.Open(xdp.Config{Interface: "eth0"})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "not supported on "+runtime.GOOS) {
		t.Errorf("%v, want %v", err, errors.ErrUnsupported)
	}
}
