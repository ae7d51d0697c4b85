// Package dns is a stub resolver without I/O: it asks recursive servers for the
// records of a name, and knows when to ask again, whom, how, and what to believe.
//
// A Lookup is one question of an application, such as the addresses of a host. It
// has no clock, socket, goroutine or lock; whoever drives it does what Next says,
// hands what arrives to Receive, and calls Advance when Deadline has come. The
// root package drives one over its own sockets.
//
// A Lookup tries the names that the search list makes of its name, for each of
// them the servers in order and as often as the configuration says, by UDP with
// EDNS and from a fresh port each time, by TCP what does not fit or is under
// attack. What it believes must come from the server asked, bear the query's
// random identifier and repeat its question; records count only if they stand at
// the end of the chain of aliases that begins at the name asked.
//
// It keeps no cache, asks one question per TCP connection, converts no
// internationalised names, validates no signatures, and does not follow referrals:
// that is the recursive server's work.
package dns
