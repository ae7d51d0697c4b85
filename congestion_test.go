package usernet_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
)

// A connection has the algorithm that was asked for where it was made: of the
// narrowest place.
func TestCongestionControlByName(t *testing.T) {
	a, b := newPair(t, usernet.Config{CongestionControl: "gentle"}, pipe.Config{})
	for _, c := range []struct{ listen, dial, wantListen, wantDial string }{
		{"", "", "gentle", "gentle"},
		{"reno", "", "reno", "gentle"},
		{"", "reno", "gentle", "reno"},
	} {
		lc := usernet.ListenConfig{Stack: b, CongestionControl: c.listen}
		ln, err := lc.Listen(t.Context(), "tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		d := usernet.Dialer{Stack: a, CongestionControl: c.dial}
		dialled, err := d.Dial("tcp", "10.0.0.2:80")
		if err != nil {
			t.Fatal(err)
		}
		accepted, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		gotListen := accepted.(*usernet.TCPConn).Info().CongestionControl
		gotDial := dialled.(*usernet.TCPConn).Info().CongestionControl
		if gotListen != c.wantListen || gotDial != c.wantDial {
			t.Errorf("%+v: have %q and %q", c, gotListen, gotDial)
		}
		if err := dialled.(*usernet.TCPConn).SetCongestionControl("reno"); err != nil {
			t.Error(err)
		}
		if got := dialled.(*usernet.TCPConn).Info().CongestionControl; got != "reno" {
			t.Errorf("it was set to reno, and is %q", got)
		}
		ln.Close()
		dialled.Close()
		accepted.Close()
	}
	a, b = newPair(t, usernet.Config{}, pipe.Config{})
	if c, _ := connect(t, a, b); c.Info().CongestionControl != tcp.DefaultCongestionControl {
		t.Errorf("the default is %q", c.Info().CongestionControl)
	}
}

// A name that nobody knows is told, with those that are known, wherever it is used.
func TestUnknownCongestionControl(t *testing.T) {
	a, b := newPair(t, usernet.Config{}, pipe.Config{})
	c, _ := connect(t, a, b)
	const unknown = `unknown congestion control "bbbr": expected `
	_, ofNew := usernet.New(usernet.Config{CongestionControl: "bbbr"})
	d := usernet.Dialer{Stack: a, CongestionControl: "bbbr"}
	_, ofDial := d.Dial("tcp", "example.org:80")
	_, ofDialTCP := d.DialTCP(t.Context(), "tcp", c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort())
	_, ofListen := (&usernet.ListenConfig{Stack: a, CongestionControl: "bbbr"}).Listen(context.Background(), "tcp", ":80")
	for _, test := range []struct {
		what   string
		err    error
		prefix string
	}{
		{"New", ofNew, "usernet: Config.CongestionControl: "},
		{"Dial", ofDial, "dial tcp: "},
		{"DialTCP", ofDialTCP, "dial tcp " + c.LocalAddr().String() + "->" + c.RemoteAddr().String() + ": "},
		{"Listen", ofListen, "listen tcp :80: "},
		{"Set", c.SetCongestionControl("bbbr"), "set tcp " + c.LocalAddr().String() + "->" + c.RemoteAddr().String() + ": "},
	} {
		if test.err == nil || !errors.Is(test.err, syscall.ENOENT) || !errors.Is(test.err, tcp.ErrUnknownAlgorithm) {
			t.Errorf("%s: %v is not ENOENT", test.what, test.err)
			continue
		}
		names := strings.TrimPrefix(test.err.Error(), test.prefix+unknown)
		for _, name := range usernet.CongestionControls() {
			if names == test.err.Error() || !strings.Contains(names, `"`+name+`"`) {
				t.Errorf("%s: %q", test.what, test.err)
				break
			}
		}
	}
	if err := c.SetCongestionControl(""); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("set to nothing: %v", err)
	}
	// As in the kernel, where UDP has no such option.
	if u, err := d.Dial("udp", "10.0.0.2:53"); err != nil {
		t.Error(err)
	} else {
		u.Close()
	}
	if err := usernet.RegisterCongestionControl("", nil); err == nil || err.Error() != "usernet: a congestion control needs a name" {
		t.Error(err)
	}
}
