// Package text is the part of package fmt of which error messages are made. Package fmt
// reads anything by reflection; a program that has it for nothing but a message which it
// never prints is 0.28 MB larger.
//
// Verbs are %v, %s, %d, %q, %w and %.Nf. Arguments are errors, what has a String method,
// strings, float64 for %f, and the integer types without a name of their own.
package text

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Sprintf is fmt.Sprintf.
func Sprintf(format string, args ...any) string {
	if false {
		_ = fmt.Sprintf(format, args...) // so that go vet compares verbs and arguments; it is not linked
	}
	b, _ := appendf(nil, format, args)
	return string(b)
}

// Errorf is fmt.Errorf.
func Errorf(format string, args ...any) error {
	if false {
		_ = fmt.Errorf(format, args...) // likewise
	}
	b, wrapped := appendf(nil, format, args)
	switch len(wrapped) {
	case 0:
		return errors.New(string(b))
	case 1:
		return &wrapError{string(b), wrapped[0]}
	}
	return &wrapErrors{string(b), wrapped}
}

type wrapError struct {
	text string
	err  error
}

func (e *wrapError) Error() string { return e.text }
func (e *wrapError) Unwrap() error { return e.err }

type wrapErrors struct {
	text string
	errs []error
}

func (e *wrapErrors) Error() string   { return e.text }
func (e *wrapErrors) Unwrap() []error { return e.errs }

// appendf appends to b what fmt would, and returns the arguments of %w besides.
func appendf(b []byte, format string, args []any) (_ []byte, wrapped []error) {
	for {
		before, verb, found := strings.Cut(format, "%")
		if b = append(b, before...); !found {
			return b, wrapped
		}
		precision := 0
		for ; verb[0] == '.' || verb[0] >= '0' && verb[0] <= '9'; verb = verb[1:] {
			precision = int(verb[0] - '0') // of one digit
		}
		if format = verb[1:]; verb[0] == '%' {
			b = append(b, '%')
			continue
		}
		arg := args[0]
		args = args[1:]
		switch verb[0] {
		case 'w':
			if err, ok := arg.(error); ok {
				wrapped = append(wrapped, err)
			}
			b = appendValue(b, arg)
		case 'q':
			b = strconv.AppendQuote(b, string(appendValue(nil, arg)))
		case 'f':
			b = strconv.AppendFloat(b, arg.(float64), 'f', precision, 64)
		default:
			b = appendValue(b, arg)
		}
	}
}

// appendValue appends arg as %v.
func appendValue(b []byte, arg any) []byte {
	switch v := arg.(type) {
	case nil:
		return append(b, "<nil>"...)
	case string:
		return append(b, v...)
	case error:
		return append(b, v.Error()...)
	case fmt.Stringer:
		return append(b, v.String()...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint8:
		return strconv.AppendUint(b, uint64(v), 10)
	case uint16:
		return strconv.AppendUint(b, uint64(v), 10)
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10)
	}
	panic("BUG: an argument that internal/text cannot write")
}
