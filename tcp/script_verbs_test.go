package tcp_test

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// advance lets time pass, and the machine's timers with it.
func (s *dialogue) advance(d time.Duration) {
	s.Helper()
	s.nothingElse("before time goes on")
	until := s.now.Add(d)
	for range 10000 {
		due := s.conn.Deadline()
		if due.IsZero() || due.After(until) {
			s.now = until
			return
		}
		if due.After(s.now) {
			s.now = due
		}
		s.conn.Advance(s.now)
		s.drain()
	}
	s.Fatalf("the timers run without end: next one at %v", s.conn.Deadline().Sub(s.now))
}

// wantAfter lets d pass and wants a segment that is sent at the end of it, to the millisecond, and none before.
func (s *dialogue) wantAfter(d time.Duration, notation, why string) {
	s.Helper()
	s.advance(d - ms)
	s.nothingElse(fmt.Sprintf("%v are not over: %s", d, why))
	if due := s.conn.Deadline(); !due.IsZero() && due.Before(s.now.Add(2*ms)) {
		s.advance(due.Sub(s.now))
	}
	s.want(notation, fmt.Sprintf("%s, after %v", why, d))
}

// write has the user write n bytes, which must fit.
func (s *dialogue) write(n int) {
	s.Helper()
	s.nothingElse("before the user writes")
	s.logf("    (write %d)", n)
	got, err := s.conn.Write(s.now, text(s.written, n))
	if got != n || err != nil {
		s.Fatalf("Write of %d returns %d, %v", n, got, err)
	}
	s.written += n
	s.drain()
}

// writeFails has the user write a byte, which must be refused with err.
func (s *dialogue) writeFails(err error, why string) {
	s.Helper()
	s.nothingElse("before the user writes")
	if got, want := s.conn.Writable(), err != tcp.ErrWouldBlock; got != want {
		s.Fatalf("%s: Writable is %v, want %v", why, got, want)
	}
	if n, got := s.conn.Write(s.now, []byte{0}); n != 0 || !errors.Is(got, err) {
		s.Fatalf("%s: Write returns %d, %v, want %v", why, n, got, err)
	}
	s.drain()
}

// read has the user read n bytes, which must be there and be what the peer sent.
func (s *dialogue) read(n int) {
	s.Helper()
	s.nothingElse("before the user reads")
	s.readText(n)
	s.drain()
}

// readText is read while the machine's segments still wait to be wanted.
func (s *dialogue) readText(n int) {
	s.Helper()
	s.logf("    (read %d)", n)
	b := make([]byte, n)
	for have := 0; have < n; {
		if !s.conn.Readable() {
			s.Fatalf("not Readable after %d of %d bytes", have, n)
		}
		got, err := s.conn.Read(s.now, b[have:])
		if err != nil {
			s.Fatalf("Read after %d of %d bytes: %v", have, n, err)
		}
		have += got
	}
	if want := text(s.consumed, n); string(b) != string(want) {
		s.Fatalf("read %d bytes at %d: they are not what the peer sent", n, s.consumed)
	}
	s.consumed += n
}

// readFails has the user read, which must give err.
func (s *dialogue) readFails(err error, why string) {
	s.Helper()
	s.nothingElse("before the user reads")
	if got, want := s.conn.Readable(), err != tcp.ErrWouldBlock; got != want {
		s.Fatalf("%s: Readable is %v, want %v", why, got, want)
	}
	if n, got := s.conn.Read(s.now, make([]byte, 1)); n != 0 || !errors.Is(got, err) {
		s.Fatalf("%s: Read returns %d, %v, want %v", why, n, got, err)
	}
	s.drain()
}

// end has the user read to the end of the stream, where nothing may be left.
func (s *dialogue) end() { s.Helper(); s.readFails(io.EOF, "end of stream") }

// do has the user call a verb.
func (s *dialogue) do(what string, err error) {
	s.Helper()
	s.logf("    (%s)", what)
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	s.drain()
}

func (s *dialogue) close() {
	s.Helper()
	s.nothingElse("before Close")
	s.do("close", s.conn.Close(s.now))
}

func (s *dialogue) closeWrite() {
	s.Helper()
	s.nothingElse("before CloseWrite")
	s.do("close for writing", s.conn.CloseWrite(s.now))
}

// state checks the connection's state.
func (s *dialogue) state(want tcp.State) {
	s.Helper()
	if got := s.conn.State(); got != want {
		s.Fatalf("state is %v, want %v", got, want)
	}
}

// dropped checks why the last segment of the peer, or a part of it, was not taken.
func (s *dialogue) dropped(want tcp.Reason) {
	s.Helper()
	if s.reason != want {
		s.Fatalf("reason is %q, want %q", s.reason, want)
	}
}

// ended checks that the connection is CLOSED, and what its user is told.
func (s *dialogue) ended(want error) {
	s.Helper()
	s.state(tcp.StateClosed)
	if due := s.conn.Deadline(); !due.IsZero() {
		s.Fatalf("connection has ended, and waits for something at %v", due.Sub(start))
	}
	if got := s.conn.Err(); got != want {
		s.Fatalf("connection has ended with %v, want %v", got, want)
	}
}
