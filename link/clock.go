package link

import "time"

// now is the middleware's only clock, apart from internal/host's: a link lies
// below the engine and cannot ask it. In a testing/synctest bubble it is the
// bubble's.
func now() time.Time { return time.Now() }
