package usernet

import "github.com/usernet-go/usernet/tcp"

// A Tracer hears what TCP connections do: Config.Tracer, or that of a Dialer or
// ListenConfig. It is called on a goroutine of its own of each stack, one call at a
// time, and may block: meanwhile each connection keeps 1024 events, and counts those
// after them. It must not call Stack.Close, which waits for it.
//
// In a simulation that repeats, each connection's events do, with their times; how
// they are spread over calls, and in which order different connections' come, may not.
type Tracer = tcp.Tracer

// TracerFunc is a Tracer that is a function.
type TracerFunc = tcp.TracerFunc
