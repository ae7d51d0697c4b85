//go:build !linux

package rawip_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link/rawip"
)

// Where there is no driver, the error says so, and on which system.
func TestUnsupported(t *testing.T) {
	_, err := rawip.Open(rawip.Config{})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "not supported on "+runtime.GOOS) {
		t.Errorf("%v, want %v", err, errors.ErrUnsupported)
	}
}
