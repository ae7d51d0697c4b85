package link

import (
	"encoding/binary"
	"errors"

	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/wire"
)

// A Cutter makes packets ready for a wire that does nothing for them: it cuts
// super-segments, and completes checksums that were left to the link. Its zero
// value is ready; its memory is reused from call to call, so that each
// goroutine needs its own.
type Cutter struct {
	packets []Packet
	pieces  [][]byte
	headers []byte
}

// Cut returns the packets that p stands for, each without any offload: p itself
// when there is nothing to do. Headers are new, payload refers to p's. The
// result is valid until the next Cut, and as long as p is lent. A super-segment
// whose headers contradict its Offload gives an error.
func (c *Cutter) Cut(m Medium, p *Packet) ([]Packet, error) {
	c.packets, c.pieces, c.headers = c.packets[:0], c.pieces[:0], c.headers[:0]
	switch {
	case p.Offload.Segmentation != SegmentNone:
		return c.cutTCP(m, p)
	case p.Offload.Checksum == ChecksumPartial:
		return c.complete(p)
	}
	c.packets = append(c.packets, Packet{Data: p.Data})
	return c.packets, nil
}

// complete returns p with its checksum.
func (c *Cutter) complete(p *Packet) ([]Packet, error) {
	o := &p.Offload
	if len(p.Data) == 0 || int(o.ChecksumStart)+int(o.ChecksumOffset)+2 > len(p.Data[0]) {
		return nil, errors.New("link: the checksum to complete lies behind the headers")
	}
	c.headers = append(c.headers, p.Data[0]...)
	c.pieces = append(append(c.pieces, c.headers), p.Data[1:]...)
	finishChecksum(c.pieces, int(o.ChecksumStart), int(o.ChecksumOffset))
	c.packets = append(c.packets, Packet{Data: c.pieces})
	return c.packets, nil
}

// finishChecksum adds up what lies behind start, the sum in the field included,
// and writes the checksum into the field.
func finishChecksum(data [][]byte, start, offset int) {
	var s wire.Sum
	s.Add(data[0][start:])
	for _, b := range data[1:] {
		s.Add(b)
	}
	sum := s.Fold()
	// RFC 768: "If the computed  checksum  is zero,  it is transmitted  as all
	// ones (the equivalent  in one's complement  arithmetic)": TCP does not mind.
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(data[0][start+offset:], sum)
}

const tcpChecksumOffset = 16

// cutTCP cuts a super-segment. What changes from segment to segment: the IP
// length and identification, sequence number, flags, urgent pointer, checksums.
func (c *Cutter) cutTCP(m Medium, p *Packet) ([]Packet, error) {
	ip, err := checkSuper(m, p)
	if err != nil {
		return nil, err
	}
	var (
		o     = &p.Offload
		head  = p.Data[0][:o.HeaderLen]
		tcp   = int(o.ChecksumStart)
		text  = p.Len() - len(head)
		rest  = payload{p.Data[0][o.HeaderLen:], p.Data[1:]}
		count = max(1, (text+int(o.SegmentSize)-1)/int(o.SegmentSize))
	)
	for i := range count {
		at := i * int(o.SegmentSize)
		n := min(int(o.SegmentSize), text-at)
		from := len(c.headers)
		c.headers = append(c.headers, head...)
		h := c.headers[from:]
		setIPLength(h[ip:], len(head)-ip+n, i)
		setTCP(h[tcp:], at, i == 0, i == count-1)

		// The field holds the sum of a pseudo-header with the length of the
		// whole: that length goes, the segment's comes.
		field := h[tcp+tcpChecksumOffset:][:2]
		whole, part := len(head)-tcp+text, len(head)-tcp+n
		sum := uint32(binary.BigEndian.Uint16(field)) + uint32(^uint16(whole)) + uint32(part)
		sum = sum>>16 + sum&0xffff
		binary.BigEndian.PutUint16(field, uint16(sum>>16+sum))

		first := len(c.pieces)
		c.pieces = rest.take(append(c.pieces, h), n)
		data := c.pieces[first:len(c.pieces):len(c.pieces)]
		finishChecksum(data, tcp, tcpChecksumOffset)
		c.packets = append(c.packets, Packet{Data: data})
	}
	return c.packets, nil
}

// checkSuper checks a super-segment's headers against its Offload, and returns
// where the IP header begins.
func checkSuper(m Medium, p *Packet) (ip int, err error) {
	o := &p.Offload
	if len(p.Data) == 0 || int(o.HeaderLen) > len(p.Data[0]) {
		return 0, errors.New("link: the first piece of a super-segment does not hold all headers")
	}
	head := p.Data[0][:o.HeaderLen]
	if m == Ethernet {
		_, n, r := wire.ParseEthernet(head)
		if r != wire.OK {
			return 0, text.Errorf("link: super-segment: %v", r)
		}
		ip = n
	}
	largest := 65535 // IPv6's length does not count its fixed header
	if o.Segmentation == SegmentTCPv6 {
		largest += wire.IPv6Len
	}
	tcp := int(o.ChecksumStart)
	switch {
	case o.SegmentSize == 0:
		return 0, errors.New("link: super-segment with a segment size of 0")
	case o.Checksum != ChecksumPartial || o.ChecksumOffset != tcpChecksumOffset:
		return 0, errors.New("link: super-segment whose TCP checksum is not left to the link")
	case p.Len()-ip > largest:
		return 0, text.Errorf("link: super-segment of %d bytes", p.Len())
	case tcp+wire.TCPLen > len(head) || tcp+int(head[tcp+12]>>4)*4 != len(head):
		return 0, errors.New("link: super-segment whose TCP header does not end with its headers")
	}
	switch v4, v6 := o.Segmentation == SegmentTCPv4, o.Segmentation == SegmentTCPv6; {
	case v4 && tcp >= ip+wire.IPv4Len && head[ip]>>4 == 4 && ip+int(head[ip]&15)*4 == tcp:
	case v6 && tcp >= ip+wire.IPv6Len && head[ip]>>4 == 6:
	default:
		return 0, errors.New("link: super-segment whose IP header does not end where its TCP header begins")
	}
	return ip, nil
}

// setIPLength makes the header h fit the packet number i of a series, size
// bytes from h's beginning on.
func setIPLength(h []byte, size, i int) {
	if h[0]>>4 == 6 {
		binary.BigEndian.PutUint16(h[4:], uint16(size-wire.IPv6Len))
		return
	}
	binary.BigEndian.PutUint16(h[2:], uint16(size))
	// RFC 6864, 4.3: "Sources emitting non-atomic datagrams MUST NOT repeat IPv4
	// ID values within one MDL"; counting up serves atomic ones as well.
	binary.BigEndian.PutUint16(h[4:], binary.BigEndian.Uint16(h[4:])+uint16(i))
	h = h[:h[0]&15*4]
	h[10], h[11] = 0, 0
	binary.BigEndian.PutUint16(h[10:], wire.Checksum(h))
}

// setTCP makes the header h fit the segment whose text begins at bytes behind
// the first one's.
func setTCP(h []byte, at int, first, last bool) {
	binary.BigEndian.PutUint32(h[4:], binary.BigEndian.Uint32(h[4:])+uint32(at))
	flags := wire.TCPFlags(h[13])
	if !last {
		flags &^= wire.FIN | wire.PSH
	}
	// RFC 3168, 6.1.2: the sender "sets the CWR flag in the TCP header of the
	// first new data packet sent after the window reduction".
	if !first {
		flags &^= wire.CWR
	}
	// RFC 9293, 3.1: the urgent pointer is "a positive offset from the sequence
	// number in this segment".
	if flags&wire.URG != 0 {
		if urgent := int(binary.BigEndian.Uint16(h[18:])) - at; urgent > 0 {
			binary.BigEndian.PutUint16(h[18:], uint16(urgent))
		} else {
			flags &^= wire.URG
			h[18], h[19] = 0, 0
		}
	}
	h[13] = byte(flags)
}

// payload is what is left of a packet's payload.
type payload struct {
	head []byte
	rest [][]byte
}

// take appends the next n bytes to pieces, by reference.
func (p *payload) take(pieces [][]byte, n int) [][]byte {
	for n > 0 {
		for len(p.head) == 0 {
			p.head, p.rest = p.rest[0], p.rest[1:]
		}
		k := min(n, len(p.head))
		pieces = append(pieces, p.head[:k])
		p.head = p.head[k:]
		n -= k
	}
	return pieces
}
