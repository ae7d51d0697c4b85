package sim

import (
	"io"
	"sync"
)

// watchers are told of each packet.
type watchers struct {
	mu    sync.Mutex
	trace io.Writer
	line  []byte // reused
}

func (s *watchers) setTrace(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace = out
}

// see tells all that watch of a packet on y, and of its fate. It runs on the engine's
// goroutine.
func (w *World) see(y *way, p *Packet, f fate) {
	s := &w.watchers
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trace != nil {
		s.line = appendTrace(s.line[:0], w.engine.start, p, f)
		if _, err := s.trace.Write(s.line); err != nil {
			s.trace = nil
		}
	}
}
