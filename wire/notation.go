package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// TextUnknown as the length of a segment's text stands for <DATA> without a
// number, as the figures of RFC 9293 have it.
const TextUnknown = -1

// flagNames has the control bits in the order in which the RFCs write them:
// "SYN,ACK", "FIN,ACK", "SYN,ECE,CWR,AE".
var flagNames = [...]struct {
	flag TCPFlags
	name string
}{{SYN, "SYN"}, {FIN, "FIN"}, {RST, "RST"}, {PSH, "PSH"}, {URG, "URG"}, {ACK, "ACK"}, {ECE, "ECE"}, {CWR, "CWR"}, {AE, "AE"}}

// String returns the bits that are set as RFC 9293 writes them, such as
// "SYN,ACK"; for none of them it is empty.
func (f TCPFlags) String() string { return string(f.appendNames(nil)) }

func (f TCPFlags) appendNames(b []byte) []byte {
	comma := false
	for _, n := range flagNames {
		if !f.Has(n.flag) {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		b, comma = append(b, n.name...), true
	}
	return b
}

// Notation returns the segment with textLen bytes of text in the notation of
// RFC 9293, 3.5: "<SEQ=300><ACK=101><CTL=SYN,ACK>",
// "<SEQ=101><ACK=301><CTL=ACK><DATA=5>".
func (h *TCP) Notation(textLen int) string { return string(h.appendNotation(nil, textLen)) }

// NotationVerbose returns Notation and behind it all that the header has
// beyond ports and checksum: window, urgent pointer and options, as in
// "<SEQ=300><ACK=101><CTL=SYN,ACK><WND=65535><MSS=1460><WS=7><SACKOK><TSVAL=1><TSECR=2>"
// or, of SACK blocks, "<SACK=200-300,400-500>", and of an AccECN option, by its
// order and with its fields as they stand in it, "<ACCECN0=1,0,1>".
func (h *TCP) NotationVerbose(textLen int) string {
	b := appendField(h.appendNotation(nil, textLen), "WND", uint32(h.Window))
	if h.Flags.Has(URG) || h.Urgent != 0 {
		b = appendField(b, "UP", uint32(h.Urgent))
	}
	return string(h.Options.appendNotation(b))
}

func (h *TCP) appendNotation(b []byte, textLen int) []byte {
	b = appendField(b, "SEQ", uint32(h.Seq))
	if h.Flags.Has(ACK) || h.Ack != 0 {
		b = appendField(b, "ACK", uint32(h.Ack))
	}
	b = append(b, "<CTL="...)
	b = append(h.Flags.appendNames(b), '>')
	switch {
	case textLen == TextUnknown:
		b = append(b, "<DATA>"...)
	case textLen != 0:
		b = appendField(b, "DATA", uint32(textLen))
	}
	return b
}

func (o *TCPOptions) appendNotation(b []byte) []byte {
	if o.HasMSS {
		b = appendField(b, "MSS", uint32(o.MSS))
	}
	if o.HasWindowScale {
		b = appendField(b, "WS", uint32(o.WindowScale))
	}
	if o.SACKPermitted {
		b = append(b, "<SACKOK>"...)
	}
	if o.HasTimestamps {
		b = appendField(b, "TSVAL", o.TSVal)
		b = appendField(b, "TSECR", o.TSEcr)
	}
	for i, block := range o.SACK[:min(int(o.NumSACK), len(o.SACK))] {
		if i == 0 {
			b = append(b, "<SACK="...)
		} else {
			b[len(b)-1] = ','
		}
		b = strconv.AppendUint(b, uint64(block.Left), 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(block.Right), 10)
		b = append(b, '>')
	}
	return o.AccECN.appendNotation(b)
}

func (a *AccECN) appendNotation(b []byte) []byte {
	if !a.Present {
		return b
	}
	b = append(b, "<ACCECN"...)
	b = append(b, '0'+a.Order&1)
	for i, field := range a.fields() {
		if i == int(a.Fields) {
			break
		}
		b = append(b, "=,"[min(i, 1)])
		b = strconv.AppendUint(b, uint64(*field), 10)
	}
	return append(b, '>')
}

func appendField(b []byte, name string, v uint32) []byte {
	b = append(b, '<')
	b = append(b, name...)
	b = append(b, '=')
	b = strconv.AppendUint(b, uint64(v), 10)
	return append(b, '>')
}

// ParseNotation reads what Notation and NotationVerbose write, and segments as
// they stand in the figures of RFC 9293: fields in any order, with or without
// spaces between them; textLen is TextUnknown for <DATA>. The error says which
// field is wrong and what it should be.
func ParseNotation(s string) (h TCP, textLen int, err error) {
	seen := make(map[string]bool)
	for rest := strings.TrimSpace(s); rest != ""; rest = strings.TrimSpace(rest) {
		field, after, ok := strings.Cut(rest, ">")
		if !ok || !strings.HasPrefix(field, "<") {
			return TCP{}, 0, fmt.Errorf("segment %q: want <FIELD=value> at %q", s, rest)
		}
		rest = after
		name, value, _ := strings.Cut(field[1:], "=")
		if seen[name] {
			return TCP{}, 0, fmt.Errorf("segment %q: %s twice", s, name)
		}
		seen[name] = true
		if want := h.parseField(name, value, &textLen); want != "" {
			return TCP{}, 0, fmt.Errorf("segment %q: field <%s>: want %s", s, field[1:], want)
		}
	}
	if !seen["SEQ"] || !seen["CTL"] {
		return TCP{}, 0, fmt.Errorf("segment %q: want both <SEQ=n> and <CTL=flags>", s)
	}
	if seen["TSVAL"] != seen["TSECR"] {
		return TCP{}, 0, fmt.Errorf("segment %q: want <TSVAL=n> and <TSECR=n> together", s)
	}
	return h, textLen, nil
}

// parseField sets the field from its value; it returns "" or what was wanted.
func (h *TCP) parseField(name, value string, textLen *int) (want string) {
	o := &h.Options
	switch name {
	case "SEQ":
		return parseNumber(value, &h.Seq)
	case "ACK":
		return parseNumber(value, &h.Ack)
	case "CTL":
		return h.Flags.parse(value)
	case "DATA":
		if value == "" {
			*textLen = TextUnknown
			return ""
		}
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return "a number of bytes, or none"
		}
		*textLen = int(n)
		return ""
	case "WND":
		return parseNumber(value, &h.Window)
	case "UP":
		return parseNumber(value, &h.Urgent)
	case "MSS":
		o.HasMSS = true
		return parseNumber(value, &o.MSS)
	case "WS":
		o.HasWindowScale = true
		return parseNumber(value, &o.WindowScale)
	case "TSVAL":
		o.HasTimestamps = true
		return parseNumber(value, &o.TSVal)
	case "TSECR":
		return parseNumber(value, &o.TSEcr)
	case "SACKOK":
		o.SACKPermitted = true
		if value != "" {
			return "no value"
		}
		return ""
	case "SACK":
		return o.parseBlocks(value)
	case "ACCECN0", "ACCECN1":
		return o.AccECN.parseNotation(name[6]-'0', value)
	}
	return "one of SEQ, ACK, CTL, DATA, WND, UP, MSS, WS, SACKOK, TSVAL, TSECR, SACK, ACCECN0, ACCECN1"
}

// parseNumber sets v from its decimal form; it returns "" or what was wanted.
func parseNumber[T ~uint8 | ~uint16 | ~uint32](value string, v *T) (want string) {
	most := ^T(0)
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n > uint64(most) {
		return "a number from 0 to " + strconv.FormatUint(uint64(most), 10)
	}
	*v = T(n)
	return ""
}

func (f *TCPFlags) parse(value string) (want string) {
	if value == "" {
		return ""
	}
	for name := range strings.SplitSeq(value, ",") {
		flag := TCPFlags(0)
		for _, n := range flagNames {
			if n.name == name {
				flag = n.flag
			}
		}
		if flag == 0 || f.Has(flag) {
			return "each of SYN, FIN, RST, PSH, URG, ACK, ECE, CWR, AE at most once"
		}
		*f |= flag
	}
	return ""
}

func (o *TCPOptions) parseBlocks(value string) (want string) {
	const wanted = "1 to 4 blocks like 200-300,400-500"
	for block := range strings.SplitSeq(value, ",") {
		left, right, _ := strings.Cut(block, "-")
		if int(o.NumSACK) == len(o.SACK) {
			return wanted
		}
		b := &o.SACK[o.NumSACK]
		if parseNumber(left, &b.Left) != "" || parseNumber(right, &b.Right) != "" {
			return wanted
		}
		o.NumSACK++
	}
	return ""
}

func (a *AccECN) parseNotation(order uint8, value string) (want string) {
	const wanted = "up to 3 numbers below 2^24 like 1,0,1"
	*a = AccECN{Present: true, Order: order}
	if value == "" {
		return ""
	}
	for number := range strings.SplitSeq(value, ",") {
		n, err := strconv.ParseUint(number, 10, 24)
		if err != nil || a.Fields == 3 {
			return wanted
		}
		*a.fields()[a.Fields] = uint32(n)
		a.Fields++
	}
	return ""
}
