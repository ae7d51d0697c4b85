package dns

import (
	"io"
	"net/netip"
	"time"

	"github.com/usernet-go/usernet/internal/random"
)

// Config says whom to ask, and how: the words are those of resolv.conf(5). The
// zero value of a field other than Servers means what is written beside it.
type Config struct {
	// Servers are recursive name servers, in the order in which they are asked.
	Servers []netip.AddrPort
	// First is the index of the server to begin with, modulo their number.
	// Callers that count it up share the load among the servers ("rotate").
	First int
	// Search are domains in which names are looked for that are not complete. What
	// is no domain is passed over.
	Search []string
	// Ndots is how many dots make a name complete enough to be tried as it is
	// before the domains of Search: 1; negative means 0.
	Ndots int
	// Timeout is how long one server may take to answer: 5 s.
	Timeout time.Duration
	// Attempts is how often each server is asked: 2.
	Attempts int
	// Rand feeds the identifiers of queries: the operating system does.
	Rand io.Reader
}

const (
	defaultTimeout  = 5 * time.Second
	defaultAttempts = 2
)

// withDefaults returns c with values in place of zeros.
func (c Config) withDefaults() Config {
	switch {
	case c.Ndots == 0:
		c.Ndots = 1
	case c.Ndots < 0:
		c.Ndots = 0
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.Attempts <= 0 {
		c.Attempts = defaultAttempts
	}
	if c.First < 0 {
		c.First = 0
	}
	if c.Rand == nil {
		c.Rand = random.Reader
	}
	return c
}
