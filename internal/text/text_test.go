package text

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var cases = []struct {
	format string
	args   []any
}{
	{"", nil},
	{"plain", nil},
	{"100%% of %d", []any{1}},
	{"%v %v %v %v %v", []any{-1, int64(-2), uint8(3), uint16(4), uint32(5)}},
	{"%d-%d: %s", []any{7, uint32(1 << 31), "text"}},
	{"%q is %v", []any{"a\n\"b\"", netip.MustParsePrefix("10.0.0.1/24")}},
	{"%s after %v", []any{time.Second, 20 * time.Millisecond}},
	{"bw=%.0fB/s gain=%.2f", []any{1234.5678, 0.125}},
	{"%.1f", []any{0.05}},
	{"%v", []any{nil}},
	{"%v, %s", []any{io.EOF, io.ErrUnexpectedEOF}},
	{"usernet: %w", []any{io.EOF}},
	{"%w: %q", []any{io.EOF, ""}},
	{"%w: %w", []any{io.EOF, errors.ErrUnsupported}},
}

func TestAsFmt(t *testing.T) {
	for _, c := range cases {
		want := fmt.Errorf(c.format, c.args...)
		got := Errorf(c.format, c.args...)
		if got.Error() != want.Error() {
			t.Errorf("%q, %v: %q, want %q", c.format, c.args, got, want)
		}
		if errors.Unwrap(got) != errors.Unwrap(want) || !slices.Equal(unwrapAll(got), unwrapAll(want)) {
			t.Errorf("%q, %v: wraps %v, %v", c.format, c.args, errors.Unwrap(got), unwrapAll(got))
		}
		for _, target := range []error{io.EOF, errors.ErrUnsupported} {
			if errors.Is(got, target) != errors.Is(want, target) {
				t.Errorf("%q, %v: Is(%v) %v", c.format, c.args, target, errors.Is(got, target))
			}
		}
		if !slices.ContainsFunc([]rune(c.format), func(r rune) bool { return r == 'w' }) {
			if got, want := Sprintf(c.format, c.args...), fmt.Sprintf(c.format, c.args...); got != want {
				t.Errorf("Sprintf(%q, %v): %q, want %q", c.format, c.args, got, want)
			}
		}
	}
}

func unwrapAll(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return nil
}
