package wire

// ECN is the field of explicit congestion notification in an IP header: the two
// lower bits of IPv4's TOS octet and of IPv6's traffic class (RFC 3168, 5).
type ECN uint8

// The codepoints. A sender whose transport takes part sets one of the ECTs; a
// router that is congested changes it to CE.
const (
	NotECT ECN = 0
	ECT1   ECN = 1
	ECT0   ECN = 2
	CE     ECN = 3
)

var ecnNames = [...]string{NotECT: "Not-ECT", ECT1: "ECT(1)", ECT0: "ECT(0)", CE: "CE"}

// String returns the codepoint's name as RFC 3168 writes it, such as "ECT(0)".
func (e ECN) String() string { return ecnNames[e&3] }

// ECN returns the codepoint of h.
func (h *IPv4) ECN() ECN { return ECN(h.TOS & 3) }

// ECN returns the codepoint of h.
func (h *IPv6) ECN() ECN { return ECN(h.TrafficClass & 3) }
