package link

import (
	"time"

	"github.com/usernet-go/usernet/wire"
)

// carry puts copies of packets on the path, in place of the size bytes that
// were reserved, and says whether run has to do something earlier than before.
func (s *Shaped) carry(packets []Packet, picked, size int) (earlier bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held -= size
	if s.closed {
		return false
	}
	s.stats.Sent += uint64(len(packets) + picked)
	s.stats.Picked += uint64(picked)
	at := now()
	before, waiting := s.next()
	for i := range packets {
		s.carryOne(at, &packets[i])
	}
	next, ok := s.next()
	return ok && (!waiting || next.Before(before))
}

// next says when run has something to do; false when there is nothing.
func (s *Shaped) next() (time.Time, bool) {
	next, ok := s.flying.next()
	if at := s.carrier.Deadline(); !at.IsZero() && (!ok || at.Before(next)) {
		return at, true
	}
	return next, ok
}

// carryOne puts one packet on the path.
func (s *Shaped) carryOne(at time.Time, p *Packet) {
	ip := 0
	if len(p.Data) > 0 {
		ip, _ = s.ipStart(p.Data[0])
	}
	capable := s.carrier.path.ECN && ECNCapable(s.medium, p)
	f := s.carrier.CarryECN(at, p.Len()-ip, capable)
	if f.Outcome != Arrives && f.Outcome != Queued {
		s.count(f.Outcome)
		return
	}
	x := s.flying.pack(p.Data)
	s.held += len(x.data[0])
	if f.Outcome == Queued {
		s.queued.push(x)
		return
	}
	s.launch(x, f)
}

// release takes those packets out of CoDel's queue that have left it.
func (s *Shaped) release(at time.Time) {
	for {
		f, ok := s.carrier.Next(at)
		if !ok {
			return
		}
		x := s.queued.pop()
		if f.Outcome != Arrives {
			s.count(f.Outcome)
			s.held -= len(x.data[0])
			s.flying.reuse(x)
			continue
		}
		s.launch(x, f)
	}
}

// count counts a packet that does not arrive.
func (s *Shaped) count(o Outcome) {
	switch o {
	case TooBig:
		s.stats.TooBig++
	case Overflow:
		s.stats.Overflow++
	case Managed:
		s.stats.Managed++
	case Lost:
		s.stats.Lost++
	}
}

// launch lets a packet fly to where it arrives.
func (s *Shaped) launch(x *flight, f Fate) {
	s.flying.launch(x, f.At)
	data := x.data[0]
	if f.Marked {
		MarkCE(s.medium, data)
		s.stats.Marked++
	}
	if f.Corrupt {
		s.corrupt(data, f.Flip)
	}
	if f.Twice {
		s.flying.launch(s.flying.pack(x.data[:]), f.At)
		s.held += len(data)
		s.stats.Duplicated++
	}
	if f.Reordered {
		s.stats.Reordered++
	}
}

// corrupt flips a bit of an IP packet.
func (s *Shaped) corrupt(data []byte, bit uint64) {
	ip, isIP := s.ipStart(data)
	if !isIP || ip == len(data) {
		return
	}
	bit %= uint64(len(data)-ip) * 8
	data[ip+int(bit/8)] ^= 1 << (bit % 8)
	s.stats.Corrupted++
}

// ipStart returns where in a packet its IP header begins, and whether there is
// one.
func (s *Shaped) ipStart(b []byte) (int, bool) {
	if s.medium == IP {
		return 0, true
	}
	h, n, r := wire.ParseEthernet(b)
	return n, r == wire.OK && (h.Type == wire.EtherTypeIPv4 || h.Type == wire.EtherTypeIPv6)
}
