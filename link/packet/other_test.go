//go:build !linux

package packet_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link/packet"
)

// Where there is no driver, the error says so, and on which system.
func TestUnsupported(t *testing.T) {
	_, open := packet.Open(packet.Config{Interface: "eth0"})
	_, openTap := packet.OpenTap(packet.TapConfig{})
	for _, err := range []error{open, openTap} {
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "not supported on "+runtime.GOOS) {
			t.Errorf("%v, want %v", err, errors.ErrUnsupported)
		}
	}
}
