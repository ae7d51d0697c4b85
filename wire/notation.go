package wire

// TextUnknown as the length of a segment's text stands for <DATA> without a
// number, as the RFC's figures have it.
const TextUnknown = -1

// Notation returns the segment in the notation of RFC 9293, with textLen bytes
// of text: "<SEQ=300><ACK=101><CTL=SYN,ACK>", "<SEQ=101><ACK=301><CTL=ACK><DATA=5>".
func (h *TCP) Notation(textLen int) string { return "" }

// NotationVerbose returns Notation followed by window, urgent pointer and
// options: "<WND=65535><MSS=1460>".
func (h *TCP) NotationVerbose(textLen int) string { return "" }

// ParseNotation reads what Notation and NotationVerbose write, and segments as
// they stand in the figures of RFC 9293; textLen is TextUnknown for <DATA>.
func ParseNotation(s string) (h TCP, textLen int, err error) { return h, 0, nil }
