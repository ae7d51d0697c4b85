package dns

import (
	"encoding/binary"
	"io"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// maxWrong is how many messages that answer something else may come to a query's
// socket before it turns to TCP: that many are not an accident but somebody who
// guesses, and each guess heeded is another chance to be right. In TCP there is
// nothing to guess without seeing the connection (RFC 5452, 9.3).
const maxWrong = 8

// A query asks for the records of one type at one name until a server has an
// answer, or all have been asked often enough.
type query struct {
	l        *Lookup
	question dnsmessage.Question
	step     int      // how many servers were asked, counted over all attempts
	exchange exchange // with the server of this step
	answer   *Answer
	err      *Error // of the last step
	done     bool
}

// An exchange is one query message to a server, and what comes back.
type exchange struct {
	socket   int // 0: none is under way
	server   int // index in Config.Servers
	id       uint16
	tcp      bool
	edns     bool
	deadline time.Time
	wrong    int
	stream   []byte // what came by TCP, up to one message with its length
}

func (q *query) begin(now time.Time) {
	c := &q.l.config
	if q.step >= len(c.Servers)*c.Attempts {
		q.done = true
		if q.err == nil {
			q.err = &Error{Err: ErrNoServers}
		}
		return
	}
	q.ask(now, exchange{server: (c.First%len(c.Servers) + q.step) % len(c.Servers), edns: true})
}

// ask sends the query in the way that ex says, from a socket of its own.
//
// RFC 5452, 9.2: identifier and port are fresh and unpredictable for each query.
func (q *query) ask(now time.Time, ex exchange) {
	q.hangUp()
	var id [2]byte
	_, err := io.ReadFull(q.l.config.Rand, id[:])
	var msg []byte
	if err == nil {
		ex.id = binary.BigEndian.Uint16(id[:])
		msg, err = appendQuery(ex.id, q.question, ex.edns, ex.tcp)
	}
	if err != nil {
		q.done, q.err = true, &Error{Err: err}
		return
	}
	q.l.sockets++
	ex.socket = q.l.sockets
	ex.deadline = now.Add(q.l.config.Timeout)
	q.exchange = ex
	q.l.push(Out{Op: OpSend, Socket: ex.socket, Server: q.l.config.Servers[ex.server], TCP: ex.tcp, Data: msg})
}

// hangUp ends the exchange that is under way, if there is one.
func (q *query) hangUp() {
	if q.exchange.socket != 0 {
		q.l.push(Out{Op: OpClose, Socket: q.exchange.socket})
		q.exchange.socket = 0
	}
}

// failed goes on to the next server.
func (q *query) failed(now time.Time, err error) {
	q.err = q.error(err)
	q.hangUp()
	q.step++
	q.begin(now)
}

// finish ends the query; err is nil if it has an answer.
func (q *query) finish(err error) {
	q.err = nil
	if err != nil {
		q.err = q.error(err)
	}
	q.hangUp()
	q.done = true
}

func (q *query) error(err error) *Error {
	return &Error{Err: err, Server: q.l.config.Servers[q.exchange.server], Socket: q.exchange.socket}
}

func (q *query) advance(now time.Time) {
	if !q.done && !now.Before(q.exchange.deadline) {
		q.failed(now, ErrTimeout)
	}
}

func (q *query) receive(now time.Time, in In) {
	ex := &q.exchange
	switch {
	case in.Err != nil:
		if in.Err == io.EOF && len(ex.stream) > 0 {
			in.Err = io.ErrUnexpectedEOF
		}
		q.failed(now, in.Err)
	case ex.tcp:
		if msg, ok := ex.collect(in.Data); ok {
			q.message(now, msg)
		}
	case in.From != q.l.config.Servers[ex.server]:
		q.wrong(now)
	default:
		q.message(now, in.Data)
	}
}

// collect adds what came by TCP, and returns the message once it is whole.
func (ex *exchange) collect(data []byte) (msg []byte, ok bool) {
	for len(data) > 0 {
		want := 2
		if len(ex.stream) >= 2 {
			want += int(binary.BigEndian.Uint16(ex.stream))
		}
		n := min(want-len(ex.stream), len(data))
		ex.stream = append(ex.stream, data[:n]...)
		data = data[n:]
		if len(ex.stream) >= 2 && len(ex.stream) == 2+int(binary.BigEndian.Uint16(ex.stream)) {
			return ex.stream[2:], true
		}
	}
	return nil, false
}

// wrong counts a message that answers something else. By UDP anybody can send one,
// and it is as if it had not come.
func (q *query) wrong(now time.Time) {
	q.l.wrong++
	if q.exchange.tcp {
		q.failed(now, ErrInvalid)
		return
	}
	if q.exchange.wrong++; q.exchange.wrong >= maxWrong {
		q.ask(now, exchange{server: q.exchange.server, tcp: true, edns: q.exchange.edns})
	}
}

// message takes a message from the socket of the exchange.
func (q *query) message(now time.Time, msg []byte) {
	ex := q.exchange
	p, h, bare, ok := matches(msg, ex.id, q.question)
	switch {
	case !ok:
		q.wrong(now)
		return
	case h.RCode == dnsmessage.RCodeFormatError || h.RCode == dnsmessage.RCodeNotImplemented:
		// RFC 6891, 7: "Responders that choose not to implement the protocol
		// extensions defined in this document MUST respond with a return code (RCODE)
		// of FORMERR [...]". Older ones say NOTIMP.
		if ex.edns {
			q.ask(now, exchange{server: ex.server, tcp: ex.tcp})
			return
		}
		if bare {
			q.failed(now, ErrMisbehaving)
			return
		}
	case h.Truncated && !ex.tcp:
		q.ask(now, exchange{server: ex.server, tcp: true, edns: ex.edns})
		return
	}
	// What is truncated even in TCP is taken as it is: there is no third way.
	r, err := parseResponse(&p, h, q.question.Type)
	if err != nil && r.rcode == dnsmessage.RCodeSuccess {
		q.failed(now, ErrUnmarshal)
		return
	}
	q.conclude(now, &r, h)
}

// conclude decides what a response means: an answer, that there is none, or that
// another server has to be asked.
func (q *query) conclude(now time.Time, r *response, h dnsmessage.Header) {
	switch r.rcode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		q.finish(ErrNotFound)
		return
	case dnsmessage.RCodeServerFailure:
		q.failed(now, ErrServerFailure)
		return
	default:
		q.failed(now, ErrMisbehaving)
		return
	}
	name, records, ok := r.follow(q.question.Name)
	switch {
	case !ok:
		q.failed(now, ErrMisbehaving) // the chain of aliases has no end
	case len(records) > 0:
		q.answer = &Answer{Server: q.l.config.Servers[q.exchange.server], Name: name.String(), Records: records}
		q.finish(nil)
	case len(r.aliases) == 0 && len(r.records) == 0 && !h.Authoritative && !h.RecursionAvailable && r.referral:
		// RFC 2308, 2.2: what tells that there is no data has a SOA record, from a
		// server that knows or has asked. This one sends us on, which is no use.
		q.failed(now, ErrLameReferral)
	default:
		q.finish(ErrNotFound)
	}
}
