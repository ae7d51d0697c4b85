package wire_test

import (
	"fmt"
	"net/netip"

	"github.com/usernet-go/usernet/wire"
)

// A SYN in an IPv4 packet, written in one pass and read back.
func Example() {
	src, dst := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	syn := wire.TCP{SrcPort: 49152, DstPort: 7, Seq: 100, Flags: wire.SYN, Window: 65535,
		Options: wire.TCPOptions{HasMSS: true, MSS: 1460}}
	ip := wire.IPv4{TotalLen: wire.IPv4Len + syn.HeaderLen(), TTL: 64, Protocol: wire.ProtocolTCP, Src: src, Dst: dst}
	packet := syn.Append(ip.Append(nil))
	wire.SetChecksum(wire.ProtocolTCP, src, dst, packet[wire.IPv4Len:], nil)

	h, n, reason := wire.ParseIPv4(packet, len(packet))
	fmt.Println(h.Protocol, "from", h.Src, "to", h.Dst, reason)
	segment := packet[n:h.TotalLen]
	fmt.Println("checksum:", wire.VerifyChecksum(h.Protocol, h.Src, h.Dst, segment, nil))
	tcp, n, _ := wire.ParseTCP(segment, len(segment))
	fmt.Println(tcp.NotationVerbose(len(segment) - n))

	packet[8]++ // a broken byte in the IP header
	_, _, reason = wire.ParseIPv4(packet, len(packet))
	fmt.Println("dropped:", reason)
	// Output:
	// TCP from 10.0.0.1 to 10.0.0.2 OK
	// checksum: OK
	// <SEQ=100><CTL=SYN><WND=65535><MSS=1460>
	// dropped: IPv4 header checksum
}

// The figures of RFC 9293 can be read as they are printed.
func ExampleParseNotation() {
	segment, textLen, err := wire.ParseNotation("<SEQ=300><ACK=101><CTL=SYN,ACK>")
	fmt.Println(segment.Seq, segment.Ack, segment.Flags, textLen, err)
	_, _, err = wire.ParseNotation("<SEQ=Z><CTL=SYN>")
	fmt.Println(err)
	// Output:
	// 300 101 SYN,ACK 0 <nil>
	// segment "<SEQ=Z><CTL=SYN>": field <SEQ=Z>: want a number from 0 to 4294967295
}
