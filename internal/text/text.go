// Package text is the part of package fmt of which error messages are made. Package fmt
// reads anything by reflection; a program that has it for nothing but a message which it
// never prints is 0.28 MB larger.
//
// Verbs are %v, %s, %d, %q, %w, and %f with or without a precision (%.3f); no other flag,
// width or index. With these it writes what fmt does of
//
//   - %v, %s, %q: strings, and what has a method Error or String;
//   - %w: errors;
//   - %v, %d: integers but uintptr; %v: booleans and nil;
//   - %f: float64.
//
// Strings and numbers are of types without a name of their own; %d of a time.Duration is none
// of these. A method that panics does so only in the message, as with fmt, since errors come
// from the application too; of a nil pointer that says so, where fmt has <nil>. Where fmt can
// write an argument and this cannot, the message has %!d(BAD): a message is no reason to end
// a program.
package text

import (
	"errors"
	"fmt"
	"runtime"
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
		before, rest, found := strings.Cut(format, "%")
		if b = append(b, before...); !found {
			return b, wrapped
		}
		verb, precision, rest := cutVerb(rest)
		format = rest
		switch {
		case verb == 0:
			return append(b, "%!(NOVERB)"...), wrapped
		case verb == '%':
			b = append(b, '%')
			continue
		case len(args) == 0:
			b = appendBad(b, verb, "MISSING")
			continue
		}
		if err, ok := args[0].(error); ok && verb == 'w' {
			wrapped = append(wrapped, err)
		}
		b = appendArg(b, verb, precision, args[0])
		args = args[1:]
	}
}

// cutVerb returns the verb which format begins with, 0 if there is none, and the precision
// before it, that of %f if there is none.
func cutVerb(format string) (verb byte, precision int, rest string) {
	precision = 6
	if strings.HasPrefix(format, ".") {
		precision, format = 0, format[1:]
		for ; format != "" && format[0] >= '0' && format[0] <= '9'; format = format[1:] {
			precision = 10*precision + int(format[0]-'0')
		}
	}
	if format == "" {
		return 0, 0, ""
	}
	return format[0], precision, format[1:]
}

func appendBad(b []byte, verb byte, why string) []byte {
	return append(b, "%!"+string(rune(verb))+"("+why+")"...)
}

func appendArg(b []byte, verb byte, precision int, arg any) []byte {
	isText := verb == 'v' || verb == 's' || verb == 'q'
	if arg == nil && verb != 'v' {
		return appendBad(b, verb, "<nil>")
	}
	switch v := arg.(type) {
	case nil:
		return append(b, "<nil>"...)
	case string:
		if isText {
			return appendText(b, verb, v)
		}
	case error:
		if isText || verb == 'w' {
			return appendMethod(b, verb, arg, "Error")
		}
	case fmt.Stringer:
		if isText {
			return appendMethod(b, verb, arg, "String")
		}
	case float64:
		if verb == 'f' {
			return strconv.AppendFloat(b, v, 'f', precision, 64)
		}
	case bool:
		if verb == 'v' {
			return strconv.AppendBool(b, v)
		}
	default:
		if verb == 'v' || verb == 'd' {
			return appendInteger(b, verb, arg)
		}
	}
	return appendBad(b, verb, "BAD")
}

func appendInteger(b []byte, verb byte, arg any) []byte {
	var n int64
	switch v := arg.(type) {
	case int:
		n = int64(v)
	case int8:
		n = int64(v)
	case int16:
		n = int64(v)
	case int32:
		n = int64(v)
	case int64:
		n = v
	case uint8:
		n = int64(v)
	case uint16:
		n = int64(v)
	case uint32:
		n = int64(v)
	case uint:
		return strconv.AppendUint(b, uint64(v), 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	default:
		return appendBad(b, verb, "BAD")
	}
	return strconv.AppendInt(b, n, 10)
}

func appendText(b []byte, verb byte, s string) []byte {
	if verb == 'q' {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// appendMethod appends what arg's method Error or String returns.
func appendMethod(b []byte, verb byte, arg any, name string) (out []byte) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		why := "PANIC=" + name + " method"
		switch r := r.(type) { // no other: its method might panic as well
		case string:
			why += ": " + r
		case runtime.Error:
			why += ": " + r.Error()
		}
		if verb == 'w' {
			verb = 'v' // as fmt names it
		}
		out = appendBad(b, verb, why)
	}()
	if err, ok := arg.(error); ok {
		return appendText(b, verb, err.Error())
	}
	return appendText(b, verb, arg.(fmt.Stringer).String())
}
