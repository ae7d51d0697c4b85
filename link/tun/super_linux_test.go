package tun_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// Super-segments in both directions: the kernel reads what was sent in pieces,
// and what it sends comes whole and could be cut.
func TestSuperSegments(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("v6=%v", v6), func(t *testing.T) {
			sent := make([]byte, 10*superText)
			rand.NewChaCha8([32]byte{}).Read(sent)

			var received []byte
			var largest int
			var cutter link.Cutter
			c, socket := dialKernel(t, v6, func(p *link.Packet, header int) {
				if p.Offload.Checksum != link.ChecksumPartial {
					t.Errorf("offload %+v", p.Offload)
				}
				largest = max(largest, p.Len())
				if p.Offload.Segmentation != link.SegmentNone && int(p.Offload.HeaderLen) != header {
					t.Errorf("offload %+v, the headers have %d bytes", p.Offload, header)
				}
				packets, err := cutter.Cut(link.IP, p)
				if err != nil {
					t.Error(err)
				}
				for _, q := range packets {
					if q.Len() > header+mss {
						t.Errorf("a segment of %d bytes", q.Len())
					}
					received = append(received, bytes.Join(q.Data, nil)[header:]...)
				}
			})
			socket.SetDeadline(time.Now().Add(30 * time.Second))
			read := make(chan [32]byte)
			go func() {
				h := sha256.New()
				if _, err := io.Copy(h, socket); err != nil {
					t.Errorf("the kernel's socket: %v", err)
				}
				read <- [32]byte(h.Sum(nil))
			}()
			for b := sent; len(b) > 0; b = b[superText:] {
				flags := wire.PSH
				if len(b) == superText {
					flags |= wire.FIN
				}
				c.write(t, flags, b[:1], nil, b[1:4000], b[4000:superText])
			}
			if <-read != sha256.Sum256(sent) {
				t.Error("the kernel reads something else than was sent")
			}

			if _, err := socket.Write(sent); err != nil {
				t.Fatal(err)
			}
			socket.CloseWrite()
			c.wait(func() bool { return c.finished })
			c.Close() // and no delivery runs any more
			if !bytes.Equal(received, sent) {
				t.Errorf("%d bytes arrive, not the %d that the kernel sent", len(received), len(sent))
			}
			if largest < 10*mss {
				t.Errorf("the largest packet has %d bytes: the kernel does not leave segmentation to us", largest)
			}
		})
	}
}
