package wire

import "net/netip"

// Quote tells the flow of a packet that an ICMP error quotes. Src is the host
// that sent the packet: for an error that concerns us, our own address.
type Quote struct {
	Src, Dst         netip.Addr
	Protocol         Protocol
	Length           int    // bytes of the whole packet, as its IP header says
	SrcPort, DstPort uint16 // TCP, UDP
	Seq              Seq    // TCP
	ID, Sequence     uint16 // ICMP echo
}

// ParseQuote parses the packet that an ICMP error quotes, of which RFC 792
// promises 8 bytes behind the IP header and no more: lengths that point beyond
// b are fine, checksums are not looked at. With ReasonQuoteTruncated all that
// stands before the ports, Src among it, is set when the IP header is there;
// that also holds for a fragment other than the first, and for a protocol
// without ports.
func ParseQuote(b []byte) (q Quote, r Reason) { return q, ReasonQuoteTruncated }
