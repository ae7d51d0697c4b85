package dns

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// An Op is what the driver of a Lookup is to do.
type Op uint8

const (
	// OpSend: open a socket to Server, and send Data from it. A UDP socket has an
	// unpredictable port and takes datagrams from Server alone.
	OpSend Op = iota
	// OpClose: the socket is needed no longer.
	OpClose
)

// An Out is one thing to do.
type Out struct {
	Op     Op
	Socket int // names the socket, from 1; none has a number twice
	Server netip.AddrPort
	TCP    bool
	Data   []byte // a datagram, or the bytes of a stream
}

// An In is what happened to a socket: something arrived, or it failed.
type In struct {
	Socket int
	From   netip.AddrPort // of a datagram
	Data   []byte         // a datagram, or the next bytes of a stream; kept only during the call
	Err    error          // nothing more will come; io.EOF at the end of a stream
}

// A Lookup asks for the records of one or more types that a name has. All types
// are asked for at once, and of the names that the search list makes of it the
// first counts that has records of any of them.
//
// Each call takes the time, which must not go backwards. After New, and after each
// Receive and Advance, the caller drains Next. What it holds is bounded by the
// number of types: a query with one message under way for each.
type Lookup struct {
	config  Config
	names   []string // still to be asked for, the present one first
	literal string   // the name without any domain of Search
	queries []*query // for names[0], one for each type
	results []result
	outs    []Out
	sockets int
	wrong   int
}

// A result is what became of one type.
type result struct {
	answer *Answer
	err    *Error
	known  bool // answer or err is final
}

// New prepares a look-up of name, which begins with the first Advance. Config is
// not to be changed while it lasts.
func New(config Config, name string, types ...dnsmessage.Type) *Lookup {
	l := &Lookup{config: config.withDefaults(), results: make([]result, len(types)), queries: make([]*query, len(types))}
	l.names = l.config.candidates(name)
	l.literal = strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	for i, t := range types {
		l.queries[i] = &query{l: l, question: dnsmessage.Question{Type: t}, done: true}
		if len(l.names) == 0 {
			l.results[i] = result{err: &Error{Err: ErrNotFound}, known: true}
		}
	}
	return l
}

// Next returns the next thing to do, until there is none.
func (l *Lookup) Next(now time.Time) (Out, bool) {
	if len(l.outs) == 0 {
		return Out{}, false
	}
	out := l.outs[0]
	l.outs = l.outs[1:]
	return out, true
}

func (l *Lookup) push(out Out) { l.outs = append(l.outs, out) }

// Deadline returns when Advance is to be called next; the zero time once all is
// done.
func (l *Lookup) Deadline() time.Time {
	var first time.Time
	for _, q := range l.queries {
		if !q.done && (first.IsZero() || q.exchange.deadline.Before(first)) {
			first = q.exchange.deadline
		}
	}
	return first
}

// Advance does what is due.
func (l *Lookup) Advance(now time.Time) {
	if l.sockets == 0 && len(l.names) > 0 {
		l.begin(now)
	}
	for _, q := range l.queries {
		q.advance(now)
	}
	l.settle(now)
}

// Receive takes what happened to a socket. One that is closed is none of the
// look-up's any more: what comes late from it is counted as wrong.
func (l *Lookup) Receive(now time.Time, in In) {
	for _, q := range l.queries {
		if !q.done && q.exchange.socket == in.Socket {
			q.receive(now, in)
			l.settle(now)
			return
		}
	}
	if in.Err == nil {
		l.wrong++
	}
}

// Done reports whether all results are known.
func (l *Lookup) Done() bool {
	for i := range l.results {
		if !l.results[i].known {
			return false
		}
	}
	return true
}

// Result returns what became of the i-th type of New, once that is known. The
// error is an *Error.
func (l *Lookup) Result(i int) (answer *Answer, err error, known bool) {
	r := &l.results[i]
	if r.err != nil {
		err = r.err
	}
	return r.answer, err, r.known
}

// Wrong returns how many messages came that answered nothing which was asked.
func (l *Lookup) Wrong() int { return l.wrong }

// begin asks for all types at the present name.
func (l *Lookup) begin(now time.Time) {
	for _, q := range l.queries {
		*q = query{l: l, question: dnsmessage.Question{Type: q.question.Type, Class: dnsmessage.ClassINET}}
		name, err := dnsmessage.NewName(l.names[0])
		if err != nil {
			panic(fmt.Sprintf("BUG: %q is too long for a name", l.names[0]))
		}
		q.question.Name = name
		q.begin(now)
	}
}

// settle turns what the queries have found into results, and goes on to the next
// name when there is nothing at this one.
func (l *Lookup) settle(now time.Time) {
	for len(l.names) > 0 {
		found, done := false, true
		for _, q := range l.queries {
			found = found || q.answer != nil
			done = done && q.done
		}
		last := found || len(l.names) == 1
		for i, q := range l.queries {
			r := &l.results[i]
			if !q.done || r.known {
				continue
			}
			if r.answer, r.known = q.answer, q.answer != nil || last; r.answer != nil {
				r.err = nil
			} else if r.err == nil || l.names[0] == l.literal {
				r.err = q.err // as in net, that of the name as it was given is the one to tell of
			}
		}
		if !done {
			return
		}
		if last {
			l.names = nil
			return
		}
		l.names = l.names[1:]
		l.begin(now)
	}
}
