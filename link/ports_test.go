package link_test

import (
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/wire"
)

// sharing is a link that shares ports.
type sharing struct{ link.Link }

func (sharing) ReservePort(wire.Protocol, uint16) error { return nil }
func (sharing) ReleasePort(wire.Protocol, uint16)       {}

// Middleware hides neither that a link shares ports nor that it does not.
func TestSharesPorts(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer b.Close()
	wrap := func(l link.Link) link.Link {
		return link.Trace(link.Shape(link.Trace(l, func(link.Event) {}), link.ShapeConfig{}), func(link.Event) {})
	}
	for _, l := range []link.Link{a, wrap(a)} {
		if s, ok := link.SharesPorts(l); ok {
			t.Errorf("%T shares ports: %T", l, s)
		}
	}
	want := sharing{a}
	for _, l := range []link.Link{want, wrap(want)} {
		if s, ok := link.SharesPorts(l); !ok || s != link.PortSharer(want) {
			t.Errorf("%T shares the ports of %T, %v; want those of %T", l, s, ok, want)
		}
		l.Close()
	}
}
