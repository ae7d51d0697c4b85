package host

import (
	"strings"
	"testing"

	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// Every reason has a name of its own, and those of the other packages keep theirs.
func TestReasonNames(t *testing.T) {
	seen := make(map[string]Reason)
	for r := ReasonNone; r < numReasons; r++ {
		name := r.String()
		if name == "" || strings.Contains(name, "(") || name == "unknown" {
			t.Errorf("reason %d is called %q", r, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("reasons %d and %d are both called %q", other, r, name)
		}
		seen[name] = r
	}
	if numReasons.String() != "unknown" {
		t.Errorf("a reason that is none is called %q", numReasons)
	}
	for r := tcp.Reason(1); r < tcp.NumReasons; r++ {
		if got := tcpReason(r); got.String() != r.String() {
			t.Errorf("%v became %v", r, got)
		}
	}
	for r := wire.Reason(1); int(r) < wire.NumReasons; r++ {
		if got := wireReason(r); got.String() != r.String() {
			t.Errorf("%v became %v", r, got)
		}
	}
	if tcpReason(0) != ReasonNone || wireReason(wire.OK) != ReasonNone {
		t.Error("no reason became one")
	}
}
