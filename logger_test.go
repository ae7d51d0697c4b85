package usernet_test

import (
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
)

// A brokenLink ends when it is received from.
type brokenLink struct{}

func (brokenLink) Info() link.Info                       { return link.Info{MTU: 1500, MaxPieces: 8, Queues: 1} }
func (brokenLink) Send(batch []link.Packet) (int, error) { return len(batch), nil }
func (brokenLink) Close() error                          { return nil }
func (brokenLink) Receive(int, func([]link.Packet)) error {
	return errors.New("the wire is cut")
}

func TestLogger(t *testing.T) {
	var heard strings.Builder
	var none *slog.Logger
	for _, logger := range []usernet.Logger{slog.New(slog.NewTextHandler(&heard, nil)), none, nil} {
		synctest.Test(t, func(t *testing.T) {
			s, err := usernet.New(usernet.Config{Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Attach(brokenLink{}, usernet.Interface{Name: "eth0"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if !s.Interfaces()[0].Down {
				t.Error("the interface is not down")
			}
		})
	}
	if typ := reflect.TypeFor[usernet.Logger](); typ.PkgPath() != "github.com/usernet-go/usernet" {
		t.Errorf("Logger is declared in %s, where go doc does not show its methods", typ.PkgPath())
	}
	if s := heard.String(); strings.Count(s, "\n") != 1 ||
		!strings.Contains(s, `level=ERROR msg="link ended" interface=eth0 queue=0 error="the wire is cut"`) {
		t.Errorf("the logger heard %q", s)
	}
}
