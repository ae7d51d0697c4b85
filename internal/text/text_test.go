package text

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
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

type byPointer struct{ text string }

func (e *byPointer) Error() string { return e.text }

type byValue struct{ text string }

func (e byValue) String() string { return e.text }

type panics struct{ what any }

func (e panics) Error() string { panic(e.what) }

// Every verb with every type is either as fmt writes it or, where that is not promised, BAD.
func TestVerbsAndTypes(t *testing.T) {
	text, number := []string{"%v", "%s", "%q"}, []string{"%v", "%d"}
	for _, c := range []struct {
		arg   any
		verbs []string
	}{
		{"a\n", text}, {"", text},
		{io.EOF, append(text, "%w")}, {byValue{"a"}, text}, {&byValue{"a"}, text}, {time.Second, text},
		{panics{"a"}, append(text, "%w")}, {panics{runtimeError()}, append(text, "%w")},
		{int(-1), number}, {int8(-8), number}, {int16(-16), number}, {int32(-32), number}, {int64(math.MinInt64), number},
		{uint(1), number}, {uint8(8), number}, {uint16(16), number}, {uint32(math.MaxUint32), number}, {uint64(math.MaxUint64), number},
		{true, []string{"%v"}}, {false, []string{"%v"}},
		{nil, []string{"%v", "%s", "%q", "%w", "%d", "%f", "%.2f"}},
		{1234.56789, []string{"%f", "%.f", "%.0f", "%.3f", "%.12f"}},
		{struct{}{}, nil}, {time.Month(13), text}, {reflect.Int, text}, {named(1), nil}, {[]byte("a"), nil}, {uintptr(1), nil}, {float32(1), nil},
	} {
		for _, verb := range []string{"%v", "%s", "%q", "%w", "%d", "%f", "%.f", "%.0f", "%.2f", "%.3f", "%.12f", "%x", "%t"} {
			format := "<" + verb + ">"
			got, want := Errorf(format, c.arg), fmt.Errorf(format, c.arg)
			switch bad := "<%!" + verb[len(verb)-1:] + "(BAD)>"; {
			case slices.Contains(c.verbs, verb):
				if got.Error() != want.Error() || errors.Unwrap(got) != errors.Unwrap(want) {
					t.Errorf("%s of %T: %v, want %v", verb, c.arg, got, want)
				}
			case got.Error() != bad && got.Error() != want.Error():
				t.Errorf("%s of %T: %v, want %s", verb, c.arg, got, bad)
			}
		}
	}
	for _, format := range []string{"100%", "%", "%.3"} {
		if got, want := Sprintf(format, []any{}...), fmt.Sprintf(format, []any{}...); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
}

// A nil pointer whose method wants more is no reason to end a program.
func TestNilPointer(t *testing.T) {
	for _, arg := range []any{(*byPointer)(nil), (*byValue)(nil)} {
		got := Sprintf("x: %v", arg)
		if !strings.HasPrefix(got, "x: %!v(PANIC=") || !strings.HasSuffix(got, "pointer dereference)") && !strings.Contains(got, "nil *byValue pointer") {
			t.Errorf("%T: %q", arg, got)
		}
	}
}

type named int

func runtimeError() (err any) {
	defer func() { err = recover() }()
	var none []int
	return none[len(none)]
}
