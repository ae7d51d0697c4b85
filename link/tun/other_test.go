//go:build !linux

package tun_test

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link/tun"
)

// Where there is no driver, the error says so, and on which system.
func TestUnsupported(t *testing.T) {
	_, open := tun.Open(tun.Config{Name: "tun0"})
	_, fromFile := tun.FromFile(os.Stdin, tun.Config{})
	for _, err := range []error{open, fromFile} {
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "not supported on "+runtime.GOOS) {
			t.Errorf("%v, want %v", err, errors.ErrUnsupported)
		}
	}
}
