package pcapng

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// Link types (IANA, "PCAP Link Types").
const (
	LinkTypeEthernet uint16 = 1
	LinkTypeRaw      uint16 = 101 // an IPv4 or IPv6 header
)

// The blocks (draft-ietf-opsawg-pcapng, 4.1 to 4.3) and the options in them
// (3.5, 4.2).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 6 // Enhanced Packet Block

	byteOrderMagic = 0x1a2b3c4d

	optionEnd     = 0
	optionComment = 1
	optionName    = 2 // if_name
	optionTSResol = 9 // if_tsresol

	nanoseconds = 9 // if_tsresol: 10^-9 s
)

// maxOption is the largest number of bytes that an option's length can tell.
const maxOption = math.MaxUint16

// maxSeconds since 1970 are the last that fit into 63 bits of nanoseconds.
const maxSeconds = math.MaxInt64/int64(time.Second) - 1

// A Writer writes a capture, one call of Write for each block. Not safe for
// concurrent use.
type Writer struct {
	w          io.Writer
	err        error // the first of w's
	interfaces int
	block      []byte // that is being written, kept for the next one
}

// New returns a Writer on w, to which it has written the section's header. The
// error is w's.
func New(w io.Writer) (*Writer, error) {
	c := &Writer{w: w}
	b := c.begin(blockSection)
	b = binary.LittleEndian.AppendUint32(b, byteOrderMagic)
	b = binary.LittleEndian.AppendUint16(b, 1) // major version
	b = binary.LittleEndian.AppendUint16(b, 0) // minor version
	// 4.1: "If the Section Length is -1 (0xFFFFFFFFFFFFFFFF), this means that the
	// size of the section is not specified".
	b = binary.LittleEndian.AppendUint64(b, math.MaxUint64)
	return c, c.end(b)
}

// AddInterface describes the next interface, a name in UTF-8 and what its packets
// begin with, and returns the number by which WritePacket knows it: 0 for the
// first. The error is the writer's, also of an earlier call, or about the name.
func (c *Writer) AddInterface(name string, linkType uint16) (id int, err error) {
	if len(name) > maxOption {
		return 0, fmt.Errorf("pcapng: interface name of %d bytes; want at most %d", len(name), maxOption)
	}
	b := c.begin(blockInterface)
	b = binary.LittleEndian.AppendUint16(b, linkType)
	b = binary.LittleEndian.AppendUint16(b, 0) // reserved
	b = binary.LittleEndian.AppendUint32(b, 0) // SnapLen: no limit
	b = appendOption(b, optionName, name)
	b = appendOption(b, optionTSResol, string([]byte{nanoseconds}))
	b = appendOption(b, optionEnd, "")
	if err := c.end(b); err != nil {
		return 0, err
	}
	c.interfaces++
	return c.interfaces - 1, nil
}

// WritePacket writes a whole packet that passed interface id at an instant from
// 1970 to 2262, with a comment in UTF-8 unless that is empty. The error is the
// writer's, also of an earlier call, or about an argument; in that case nothing
// has been written.
func (c *Writer) WritePacket(id int, at time.Time, data []byte, comment string) error {
	switch {
	case id < 0 || id >= c.interfaces:
		return fmt.Errorf("pcapng: packet on interface %d of %d", id, c.interfaces)
	case at.Unix() < 0 || at.Unix() > maxSeconds:
		return fmt.Errorf("pcapng: packet at %v; want 1970 to 2262", at)
	case len(data) > math.MaxInt32-2*maxOption:
		return fmt.Errorf("pcapng: packet of %d bytes", len(data))
	case len(comment) > maxOption:
		return fmt.Errorf("pcapng: comment of %d bytes; want at most %d", len(comment), maxOption)
	}
	stamp := uint64(at.UnixNano())
	b := c.begin(blockPacket)
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	b = binary.LittleEndian.AppendUint32(b, uint32(stamp>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(stamp))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data))) // captured
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data))) // on the wire
	b = pad(append(b, data...))
	if comment != "" {
		b = appendOption(b, optionComment, comment)
		b = appendOption(b, optionEnd, "")
	}
	return c.end(b)
}

// begin returns the start of a block: its type, and room for its length.
func (c *Writer) begin(blockType uint32) []byte {
	b := binary.LittleEndian.AppendUint32(c.block[:0], blockType)
	return append(b, 0, 0, 0, 0)
}

// end completes the block, with its length at both ends, and writes it.
func (c *Writer) end(b []byte) error {
	length := uint32(len(b) + 4)
	binary.LittleEndian.PutUint32(b[4:], length)
	c.block = binary.LittleEndian.AppendUint32(b, length)
	if c.err == nil {
		_, c.err = c.w.Write(c.block)
	}
	return c.err
}

func appendOption(b []byte, code uint16, value string) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...))
}

// pad appends zeros up to a multiple of 4 bytes. All that stands before in a
// block has such a length.
func pad(b []byte) []byte {
	return append(b, make([]byte, -len(b)&3)...)
}
