package link

import "github.com/usernet-go/usernet/wire"

// A Packet is one packet on its way between a stack and a link: headers and
// payload by reference, and what the link or the device still has to do to it.
//
// Data[0] holds all headers, contiguous: the link header on Ethernet, the IP
// header with its options or extension headers, the transport header. Payload
// may follow in Data[0], and does follow in the further pieces.
//
// All bytes of a packet are lent and read-only: over a link in memory they are
// the sender's retransmission queue. Who changes a header copies Data[0] first.
type Packet struct {
	Data    [][]byte
	Offload Offload
}

// Len returns the bytes of p in all pieces, link header included.
func (p *Packet) Len() int {
	n := 0
	for _, d := range p.Data {
		n += len(d)
	}
	return n
}

// Checksum says what is known of a packet's transport checksum.
type Checksum uint8

const (
	// ChecksumNone: the field on the wire is complete, and nobody has checked it.
	ChecksumNone Checksum = iota
	// ChecksumPartial: the field holds the folded sum of the pseudo-header only;
	// whoever puts the packet on a real wire adds the bytes from ChecksumStart on
	// and writes the result ChecksumOffset bytes behind ChecksumStart. A receiver
	// that sees it got the packet from the same machine: it needs no check.
	ChecksumPartial
	// ChecksumVerified: the field was checked on the way, or never left memory.
	ChecksumVerified
)

// Segmentation names the protocol by which a super-segment is cut.
type Segmentation uint8

const (
	SegmentNone  Segmentation = iota // one packet on the wire
	SegmentTCPv4                     // TCP segments in IPv4 packets
	SegmentTCPv6                     // TCP segments in IPv6 packets
)

// Offload is the work on a packet that is left to the link, or that the link
// has left to the stack. Offsets count from the first byte of Data[0].
//
// A super-segment that is sent has ChecksumPartial: only who cuts it can complete
// the sums. One that is received may also have ChecksumVerified.
type Offload struct {
	Segmentation   Segmentation
	SegmentSize    uint16 // bytes of payload in each segment but the last, when Segmentation is set
	HeaderLen      uint16 // bytes of all headers, link header included, when Segmentation is set
	Checksum       Checksum
	ChecksumStart  uint16 // where the transport header begins, when Checksum is ChecksumPartial
	ChecksumOffset uint16 // of the field within the transport header, likewise
}

// Medium says what a packet starts with.
type Medium uint8

const (
	Ethernet Medium = iota // an Ethernet II header
	IP                     // an IPv4 or IPv6 header
)

func (m Medium) String() string {
	if m == IP {
		return "IP"
	}
	return "Ethernet"
}

// Info describes a link. It does not change while the link is open.
type Info struct {
	Medium Medium
	MTU    int // largest IP packet in bytes, without the link header
	// MaxSegment is the largest IP packet in bytes that Send takes when
	// Offload.Segmentation is set; 0 when the link does not segment. A link that
	// does has ChecksumOffload too.
	MaxSegment int
	// MaxPieces is the largest len(Packet.Data) that Send takes; at least 4.
	MaxPieces int
	// ChecksumOffload says that Send takes ChecksumPartial.
	ChecksumOffload bool
	// Queues is how many receive queues there are; at least 1.
	Queues int
	// MAC is the address that the stack has on this link; zero when the stack
	// may choose one. Meaningless when Medium is IP.
	MAC wire.MAC
}

// A Link moves batches of packets between a stack and the world.
//
// Send may be called by many goroutines at once. It never waits for the peer:
// it returns how many packets, counted from the first, it took; fewer than all
// with a nil error means that the link's queue is full, and with an error that
// the next one was refused. After Close the error is os.ErrClosed. When Send
// returns, the link holds none of the batch's memory.
//
// Receive delivers what arrives on one queue, in batches, until Close; it then
// returns nil, or before that the error that ended the link. A batch is lent
// while deliver runs. Calls of deliver may overlap each other and calls of Send,
// and deliver may call Send.
//
// Close waits for deliveries in progress and lets Receive return. A second
// Close does nothing. Close must not be called from within deliver.
type Link interface {
	Info() Info
	Send(batch []Packet) (int, error)
	Receive(queue int, deliver func([]Packet)) error
	Close() error
}
