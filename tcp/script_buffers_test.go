package tcp_test

import (
	"testing"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Buffers that find their size. The peer is a sender in slow start over a round trip of 100 ms.

// bulk lets the peer send n bytes from byte first of its text on, in segments of 1000 that arrive together.
func (s *dialogue) bulk(first, n int) {
	s.Helper()
	var batch []string
	for at := first; at < first+n; at += 1000 {
		batch = append(batch, segment(peerText+at, machineText, min(1000, first+n-at)))
	}
	s.sendTogether("a window of text", batch...)
	s.skip("ACKs")
}

// TestReceiveBufferGrows: as much as a sender who doubles can send, when the user reads; not when he does not.
func TestReceiveBufferGrows(t *testing.T) {
	for _, timestamps := range []bool{false, true} {
		script(t, setup{scale: true, timestamps: timestamps}, func(s *dialogue) {
			s.establishOver(100 * ms)
			sent, window := 0, 10_000
			for range 8 {
				if free := s.conn.Info().RcvWnd; free < window {
					t.Fatalf("after %d bytes the window has %d, the sender could send %d", sent, free, window)
				}
				s.advance(100 * ms)
				s.skip("delayed ACKs")
				s.bulk(sent, window)
				s.read(window)
				s.skip("window updates")
				sent, window = sent+window, 2*window
			}
			size := s.conn.Info().ReceiveBuffer
			if size < 2*window || size > 8*window {
				t.Errorf("buffer of %d bytes for a reader of %d in a round trip", size, window/2)
			}
			// What was offered stays offered when the buffer begins anew.
			s.advance(tcp.ResizeIdle)
			s.skip("delayed ACKs")
			edge := s.ours
			s.bulk(sent, 1000)
			if got := s.conn.Info().ReceiveBuffer; got != tcp.FirstBuffer {
				t.Errorf("buffer of %d bytes after a long pause, want %d", got, tcp.FirstBuffer)
			}
			s.read(1000)
			s.skip("ACK")
			if s.ours.Less(edge) {
				t.Error("the right edge of the window has moved to the left")
			}
		})
	}
}

// TestReceiveBufferOfShortPath: it stays small enough for a cache where round trips take microseconds, however much is read in
// what passes for one, and however long text then waits in the queue of a device that others share.
func TestReceiveBufferOfShortPath(t *testing.T) {
	for _, rounds := range [][2]time.Duration{{200 * time.Microsecond, 200 * time.Microsecond}, {5 * ms, 2 * ms}} {
		script(t, setup{scale: true, timestamps: true}, func(s *dialogue) {
			s.establishOver(200 * time.Microsecond)
			for i, sent := 0, 0; sent < 20_000_000; i++ {
				n := s.conn.Info().RcvWnd
				s.advance(rounds[i/8%2])
				s.skip("delayed ACKs")
				s.bulk(sent, n)
				s.read(n)
				s.skip("ACKs")
				sent += n
			}
			if got := s.conn.Info().ReceiveBuffer; got != 1<<20 {
				t.Errorf("buffer of %d bytes where rounds take %v, want 1 MiB", got, rounds)
			}
		})
	}
}

// TestReceiveBufferOfStalledReader: it grows no more when the user reads little of what has arrived.
func TestReceiveBufferOfStalledReader(t *testing.T) {
	script(t, setup{scale: true, timestamps: true}, func(s *dialogue) {
		s.establish()
		sent := 0
		for range 20 {
			if n := s.conn.Info().RcvWnd; n > 0 {
				s.bulk(sent, n)
				sent += n
			}
			s.read(10_000)
			s.skip("ACKs")
			s.advance(100 * ms)
			s.skip("ACKs")
		}
		if got := s.conn.Info().ReceiveBuffer; got > tcp.FirstBuffer {
			t.Errorf("buffer of %d bytes for a reader of 10000 in a round trip", got)
		}
		s.read(sent - s.consumed)
		s.skip("window update")
	})
}

// TestReceiveBufferOfTheUser: a size that the user sets stays.
func TestReceiveBufferOfTheUser(t *testing.T) {
	script(t, setup{scale: true, timestamps: true}, func(s *dialogue) {
		s.establish()
		s.conn.SetReceiveBuffer(s.now, 200_000)
		s.drain()
		s.skip("window update")
		sent := 0
		for range 10 {
			s.advance(100 * ms)
			s.bulk(sent, 100_000)
			s.read(100_000)
			s.skip("ACKs")
			sent += 100_000
		}
		if got := s.conn.Info().ReceiveBuffer; got != 200_000 {
			t.Errorf("buffer of %d bytes, want the 200000 that were set", got)
		}
	})
}

// TestSendBufferGrows: with the congestion window, and with the peer's, up to what is configured.
func TestSendBufferGrows(t *testing.T) {
	script(t, setup{tuned: true, scale: true, peerScale: 7, config: func(c *tcp.Config) { c.SendBuffer = 400_000 }}, func(s *dialogue) {
		s.establish()
		if got := s.conn.SendBuffer(); got != tcp.FirstBuffer {
			t.Errorf("send buffer of %d bytes at first, want %d", got, tcp.FirstBuffer)
		}
		acked := machineText
		for range 12 {
			if n := s.conn.Room(); n > 0 {
				s.write(n)
			}
			s.skip("a window of text")
			s.advance(100 * ms)
			s.skip("the rest of it")
			i := s.conn.Info()
			acked += i.Flight
			s.receive(segment(peerText, acked, 0), "all of it has arrived")
			window := s.conn.Info().Cwnd
			if got, want := s.conn.SendBuffer(), min(400_000, max(tcp.FirstBuffer, 2*window)); got < want {
				t.Errorf("send buffer of %d bytes for a window of %d, want %d", got, window, want)
			}
			if s.conn.Room() == 0 && s.conn.Info().Queued < window {
				t.Errorf("%d bytes wait and none may be added, with a window of %d", s.conn.Info().Queued, window)
			}
			s.drain()
			s.skip("more text")
		}
		if got := s.conn.SendBuffer(); got != 400_000 {
			t.Errorf("send buffer of %d bytes, want 400000", got)
		}
	})
	// A user's size stays.
	script(t, setup{tuned: true}, func(s *dialogue) {
		s.establish()
		s.conn.SetSendBuffer(s.now, 5000)
		if got := s.conn.Room(); got != 5000 {
			t.Errorf("room for %d bytes, want 5000", got)
		}
	})
}
