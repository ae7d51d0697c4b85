package main

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// What --congestion names is the stack's.
func TestCongestionOfStack(t *testing.T) {
	var n network
	if got := n.config().CongestionControl; got != "" {
		t.Errorf("without the flag: %q", got)
	}
	for _, name := range usernet.CongestionControls() {
		if err := n.congestion.Set(name); err != nil {
			t.Error(err)
		}
		if got := n.config().CongestionControl; got != name {
			t.Errorf("%q: the stack gets %q", name, got)
		}
	}
}

// Before a command begins, it is known whether another host has one of its IPv6
// addresses.
func TestAwaitChecks(t *testing.T) {
	for _, tt := range []struct{ other, err string }{
		{"fd00:9::1/64", ""},
		{"fd00:9::2/64", "tap:tap0: another host has the address fd00:9::2"},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := pipe.New(pipe.Config{})
			defer stackOn(t, a, tt.other).Close()
			n := network{device: deviceValue{tapKind, "tap0"}, addrs: prefixesValue{netip.MustParsePrefix("fd00:9::2/64")}}
			time.Sleep(checkTime) // the other has its address for long
			own := stackOn(t, b, n.addrs[0].String())
			defer own.Close()
			if got := text(n.awaitChecks(t.Context(), own)); got != tt.err {
				t.Errorf("beside %s: %q, want %q", tt.other, got, tt.err)
			}
			for _, addr := range own.Interfaces()[0].Addrs {
				if tt.err == "" && (addr.Optimistic || addr.Tentative) {
					t.Errorf("still being checked: %v", addr.Prefix)
				}
			}
		})
	}
}
