package crosscheck

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/usernet-go/usernet/internal/pcapng"
	"github.com/usernet-go/usernet/wire"
)

// A captured packet is what a capture tells of one.
type captured struct {
	iface   string
	link    uint16
	at      time.Time
	data    []byte
	comment string
}

// capturedPackets is a SYN on Ethernet and a UDP datagram without a link header,
// then the SYN again.
func capturedPackets() []captured {
	src, dst := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	h := wire.TCP{SrcPort: 49152, DstPort: 80, Seq: 100, Flags: wire.SYN, Window: 65535, Options: wire.TCPOptions{HasMSS: true, MSS: 1460}}
	segment := h.Append(nil)
	wire.SetChecksum(wire.ProtocolTCP, src, dst, segment, nil)
	syn := (&wire.Ethernet{Dst: wire.MAC{2, 0, 0, 0, 0, 2}, Src: wire.MAC{2, 0, 0, 0, 0, 1}, Type: wire.EtherTypeIPv4}).Append(nil)
	syn = (&wire.IPv4{TotalLen: wire.IPv4Len + len(segment), TTL: 64, Protocol: wire.ProtocolTCP, Src: src, Dst: dst}).Append(syn)
	syn = append(syn, segment...)

	src6, dst6 := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	datagram := append((&wire.UDP{SrcPort: 50000, DstPort: 50001, Length: wire.UDPLen + 5}).Append(nil), "hello"...)
	wire.SetChecksum(wire.ProtocolUDP, src6, dst6, datagram, nil)
	udp := (&wire.IPv6{PayloadLen: len(datagram), NextHeader: wire.ProtocolUDP, HopLimit: 64, Src: src6, Dst: dst6}).Append(nil)
	udp = append(udp, datagram...)

	start := time.Date(2000, 1, 1, 0, 0, 0, 123456789, time.UTC)
	return []captured{
		{"client-server", pcapng.LinkTypeEthernet, start, syn, ""},
		{"client-phone", pcapng.LinkTypeRaw, start.Add(1), udp, "corrupt, twice"},
		{"client-server", pcapng.LinkTypeEthernet, start.Add(time.Second), syn, "lost"},
	}
}

// writePcapng writes the packets to w, each on the interface that it names.
func writePcapng(t *testing.T, w io.Writer, packets []captured) {
	t.Helper()
	c, err := pcapng.New(w)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, p := range packets {
		id, ok := ids[p.iface]
		if !ok {
			if id, err = c.AddInterface(p.iface, p.link); err != nil {
				t.Fatal(err)
			}
			ids[p.iface] = id
		}
		if err := c.WritePacket(id, p.at, p.data, p.comment); err != nil {
			t.Fatal(err)
		}
	}
}

// gopacket reads what package pcapng writes.
func TestPcapng(t *testing.T) {
	var file bytes.Buffer
	packets := capturedPackets()
	writePcapng(t, &file, packets)
	r, err := pcapgo.NewNgReader(&file, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range packets {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		iface, err := r.Interface(ci.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		if iface.Name != want.iface || iface.LinkType != layers.LinkType(want.link) || iface.TimestampResolution != 9 {
			t.Errorf("packet %d is on interface %+v", i, iface)
		}
		if !bytes.Equal(data, want.data) || ci.Length != len(data) || ci.CaptureLength != len(data) || !ci.Timestamp.Equal(want.at) {
			t.Errorf("packet %d: %+v, % x, want %v, % x", i, ci, data, want.at, want.data)
		}
	}
	if _, _, err := r.ReadPacketData(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last packet: %v", err)
	}
}
