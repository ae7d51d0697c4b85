package link

import "time"

// run sends on what arrives, until Close.
func (s *Shaped) run() {
	defer close(s.finished)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var landed []*flight
	var batch []Packet
	for {
		var wait time.Duration
		if landed, wait = s.due(landed[:0]); len(landed) > 0 {
			batch = batch[:0]
			for _, f := range landed {
				batch = append(batch, Packet{Data: f.data[:]})
			}
			s.sendOn(batch, landed)
			continue
		}
		var alarm <-chan time.Time // none while the path is empty
		if wait >= 0 {
			timer.Reset(wait)
			alarm = timer.C
		} else {
			timer.Stop()
		}
		select {
		case <-alarm:
		case <-s.wake:
		case <-s.quit:
			return
		}
	}
}

// due takes the packets off the path that have arrived. When there are none, it
// says how long to wait for something to do; less than 0: the path is empty.
func (s *Shaped) due(landed []*flight) ([]*flight, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return landed, -1
	}
	at := now()
	s.release(at)
	for len(landed) < maxEmit {
		next, ok := s.flying.next()
		if !ok || next.After(at) {
			break
		}
		f := s.flying.land()
		s.held -= len(f.data[0])
		landed = append(landed, f)
	}
	if next, ok := s.next(); ok {
		return landed, max(0, next.Sub(at))
	}
	return landed, -1
}

// sendOn hands a batch to the link below.
func (s *Shaped) sendOn(batch []Packet, landed []*flight) {
	n, _ := s.link.Send(batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Delivered += uint64(n)
	s.stats.Refused += uint64(len(batch) - n)
	for _, f := range landed {
		s.flying.reuse(f)
	}
}
