package vnet

import (
	"encoding/binary"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/wire"
)

func header(flags, gso byte, fields ...uint16) []byte {
	h := []byte{flags, gso}
	for _, f := range fields {
		h = binary.NativeEndian.AppendUint16(h, f)
	}
	return h
}

// What is written of an Offload is what is read.
func TestPut(t *testing.T) {
	for _, tt := range []struct {
		name    string
		offload link.Offload
		header  []byte
		medium  link.Medium
		v6      bool
	}{
		{"nothing", link.Offload{}, header(0, 0, 0, 0, 0, 0), link.IP, false},
		{"checksum", link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: 20, ChecksumOffset: 16},
			header(1, 0, 0, 0, 20, 16), link.IP, false},
		{"IPv4 super-segment", link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: 1448, HeaderLen: 52, Checksum: link.ChecksumPartial, ChecksumStart: 20, ChecksumOffset: 16},
			header(1, 1, 52, 1448, 20, 16), link.IP, false},
		{"IPv6 super-segment on Ethernet", link.Offload{Segmentation: link.SegmentTCPv6, SegmentSize: 1428, HeaderLen: 86, Checksum: link.ChecksumPartial, ChecksumStart: 54, ChecksumOffset: 16},
			header(1, 4, 86, 1428, 54, 16), link.Ethernet, true},
	} {
		got := make([]byte, Len+2)
		for i := range got {
			got[i] = 0xff
		}
		Put(got, &tt.offload)
		if string(got[:Len]) != string(tt.header) || got[Len] != 0 || got[Len+1] != 0 {
			t.Errorf("%s: header %x, want %x and zeros", tt.name, got, tt.header)
		}
		if o, ok := Parse(tt.header, linktest.TCPFrame(tt.medium, tt.v6, 3000), tt.medium); !ok || o != tt.offload {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, o, ok, tt.offload)
		}
	}
}

// What the kernel says on the way in, and what it must not say.
func TestParse(t *testing.T) {
	const partial, valid = needsChecksum, dataValid
	super := link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: 1448, HeaderLen: 52, Checksum: link.ChecksumPartial, ChecksumStart: 20, ChecksumOffset: 16}
	verified := link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: 1448, HeaderLen: 52, Checksum: link.ChecksumVerified}
	verified6 := link.Offload{Segmentation: link.SegmentTCPv6, SegmentSize: 1448, HeaderLen: 86, Checksum: link.ChecksumVerified}
	for _, tt := range []struct {
		name   string
		header []byte
		medium link.Medium
		v6     bool
		cut    int // bytes of the frame, when not all
		want   link.Offload
		ok     bool
	}{
		{"checked before", header(valid, 0, 0, 0, 0, 0), link.IP, false, 0, link.Offload{Checksum: link.ChecksumVerified}, true},
		{"header length is a hint", header(partial, 1, 300, 1448, 20, 16), link.IP, false, 0, super, true},
		{"congestion window reduced", header(partial, 1|gsoECN, 52, 1448, 20, 16), link.IP, false, 0, super, true},
		{"super-segment that was checked before", header(valid, 1, 0, 1448, 0, 0), link.IP, false, 0, verified, true},
		{"the same of IPv6 on Ethernet", header(valid, 4, 0, 1448, 0, 0), link.Ethernet, true, 0, verified6, true},
		{"super-segment of unknown checksum", header(0, 1, 52, 1448, 0, 0), link.IP, false, 0, link.Offload{}, false},
		{"no segment size", header(partial, 1, 52, 0, 20, 16), link.IP, false, 0, link.Offload{}, false},
		{"another protocol's", header(partial, 3, 28, 1448, 20, 6), link.IP, false, 0, link.Offload{}, false},
		{"IPv6 super-segment that is IPv4", header(partial, 4, 52, 1448, 20, 16), link.IP, false, 0, link.Offload{}, false},
		{"IPv4 super-segment that is IPv6", header(partial, 1, 72, 1448, 40, 16), link.IP, true, 0, link.Offload{}, false},
		{"the same, checked before", header(valid, 1, 72, 1448, 0, 0), link.IP, true, 0, link.Offload{}, false},
		{"super-segment with another checksum", header(partial, 1, 52, 1448, 20, 6), link.IP, false, 0, link.Offload{}, false},
		{"super-segment whose checksum starts in its text", header(partial, 1, 52, 1448, 53, 16), link.IP, false, 0, link.Offload{}, false},
		{"the same of IPv6 within IP", header(partial, 4, 86, 1428, 40, 16), link.Ethernet, true, 0, link.Offload{}, false},
		{"checksum outside", header(partial, 0, 0, 0, 20, 16), link.IP, false, 37, link.Offload{}, false},
		{"TCP header outside", header(partial, 1, 52, 1448, 20, 16), link.IP, false, 39, link.Offload{}, false},
		{"TCP options outside", header(partial, 1, 52, 1448, 20, 16), link.IP, false, 51, link.Offload{}, false},
		{"start within IP", header(partial, 1, 52, 1448, 4, 16), link.IP, false, 0, link.Offload{}, false},
		{"checked runt", header(valid, 1, 52, 1448, 0, 0), link.Ethernet, false, 13, link.Offload{}, false},
		{"checked runt of IP", header(valid, 1, 52, 1448, 0, 0), link.IP, false, 30, link.Offload{}, false},
	} {
		frame := linktest.TCPFrame(tt.medium, tt.v6, 3000)
		if tt.cut > 0 {
			frame = frame[:tt.cut]
		}
		o, ok := Parse(tt.header, frame, tt.medium)
		if ok != tt.ok || ok && o != tt.want {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.name, o, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(header(1, 1, 52, 1448, 20, 16), linktest.TCPFrame(link.IP, false, 100), false)
	f.Add(header(1, 4, 86, 1428, 54, 16), linktest.TCPFrame(link.Ethernet, true, 100), true)
	f.Add(header(2, 4, 86, 1428, 0, 0), linktest.TCPFrame(link.Ethernet, true, 100), true)
	f.Fuzz(func(t *testing.T, h, b []byte, ethernet bool) {
		if len(h) < Len {
			return
		}
		m := link.IP
		if ethernet {
			m = link.Ethernet
		}
		o, ok := Parse(h, b, m)
		if !ok {
			return
		}
		if o.Segmentation != link.SegmentNone && (int(o.HeaderLen) > len(b) || o.HeaderLen < wire.TCPLen || o.SegmentSize == 0) {
			t.Errorf("offload %+v of a packet of %d bytes", o, len(b))
		}
		if o.Checksum == link.ChecksumPartial && int(o.ChecksumStart)+int(o.ChecksumOffset)+2 > len(b) {
			t.Errorf("offload %+v of a packet of %d bytes", o, len(b))
		}
		if h := (&[Len]byte{}); o.Checksum == link.ChecksumPartial {
			// What comes in as a super-segment can also go out as one.
			if p := (link.Packet{Data: [][]byte{b}, Offload: o}); o.Segmentation != link.SegmentNone && len(b) <= 65535 {
				if _, err := new(link.Cutter).Cut(m, &p); err != nil {
					t.Errorf("offload %+v of a packet of %d bytes: %v", o, len(b), err)
				}
			}
			Put(h[:], &o)
			if again, ok := Parse(h[:], b, m); !ok || again != o {
				t.Errorf("%+v is read back as %+v, %v", o, again, ok)
			}
		}
	})
}
