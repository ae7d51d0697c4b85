package usernet

// A Logger hears of what nobody else can be told: see Config.Logger. A *slog.Logger is
// one; a nil pointer stands for none.
//
// args are keys and their values, one after the other. All methods may be called
// concurrently, and with locks of the stack held: they do not wait for the stack.
type Logger interface {
	Debug(msg string, args ...any)
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}
