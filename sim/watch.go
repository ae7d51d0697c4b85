package sim

import (
	"errors"
	"io"
	"sync"
)

// watchers are told of each packet.
type watchers struct {
	mu      sync.Mutex
	trace   io.Writer
	line    []byte // reused
	file    *capture
	ladders []*Ladder
	closed  bool
}

var (
	errSecondCapture = errors.New("sim: there is a capture already: one file holds all packets")
	errLateCapture   = errors.New("sim: nothing to capture: the world is closed")
)

func (s *watchers) setTrace(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace = out
}

func (s *watchers) capture(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errLateCapture
	case s.file != nil:
		return errSecondCapture
	}
	file, err := newCapture(path)
	if err == nil {
		s.file = file
	}
	return err
}

func (s *watchers) add(l *Ladder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ladders = append(s.ladders, l)
}

// close ends the capture.
func (s *watchers) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.file == nil {
		return nil
	}
	return s.file.close()
}

// see tells all that watch of a packet on y, and of its fate. It runs on the engine's
// goroutine.
func (w *World) see(y *way, p *Packet, f fate) {
	y.recent.add(p, f)
	s := &w.watchers
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trace != nil {
		s.line = appendTrace(s.line[:0], w.engine.start, p, f)
		if _, err := s.trace.Write(s.line); err != nil {
			s.trace = nil
		}
	}
	if s.file != nil {
		s.file.see(y.cable.number, y.cable.name, y.medium, p, f)
	}
	for _, l := range s.ladders {
		l.see(p, f)
	}
}
