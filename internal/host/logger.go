package host

import "reflect"

// A Logger hears of what nobody else can be told: a message and, two by two, keys and
// values. It is a *slog.Logger to most; but package log/slog would link encoding/json
// into each program, of 6.1 MB then instead of 5.7.
type Logger interface {
	Debug(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}

// loggerOr returns l, or a Logger that says nothing where l is nil: be it a nil
// pointer, as of a *slog.Logger that nobody has set.
func loggerOr(l Logger) Logger {
	if v := reflect.ValueOf(l); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nobody{}
	}
	return l
}

type nobody struct{}

func (nobody) Debug(string, ...any) {}
func (nobody) Warn(string, ...any)  {}
func (nobody) Error(string, ...any) {}
