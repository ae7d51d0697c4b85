package sim

import (
	"bufio"
	"os"

	"github.com/usernet-go/usernet/internal/pcapng"
	"github.com/usernet-go/usernet/link"
)

// A capture is a pcapng file of all packets in a world.
type capture struct {
	file       *os.File
	buffer     *bufio.Writer
	w          *pcapng.Writer
	interfaces map[int]int // by the number of the path
	err        error       // the first
}

// captureBuffer is how many bytes are written to the file at once.
const captureBuffer = 64 << 10

// newCapture creates the file, or empties it.
func newCapture(path string) (*capture, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	c := &capture{file: file, buffer: bufio.NewWriterSize(file, captureBuffer), interfaces: make(map[int]int)}
	if c.w, err = pcapng.New(c.buffer); err != nil {
		file.Close()
		return nil, err
	}
	return c, nil
}

// see writes a packet on the path of that number and name, as it was when it was
// sent, with a comment for what became of it unless it just arrives.
func (c *capture) see(path int, name string, m link.Medium, p *Packet, f fate) {
	if c.err != nil {
		return
	}
	id, ok := c.interfaces[path]
	if !ok {
		linkType := pcapng.LinkTypeEthernet
		if m == link.IP {
			linkType = pcapng.LinkTypeRaw
		}
		if id, c.err = c.w.AddInterface(name, linkType); c.err != nil {
			return
		}
		c.interfaces[path] = id
	}
	c.err = c.w.WritePacket(id, p.Time, p.Data, f.remark())
}

// close writes what waits, closes the file and returns the first error of all.
func (c *capture) close() error {
	if err := c.buffer.Flush(); c.err == nil {
		c.err = err
	}
	if err := c.file.Close(); c.err == nil {
		c.err = err
	}
	return c.err
}
