package wire

import "encoding/binary"

// The kinds of TCP options that are known here.
const (
	optionEnd           = 0   // RFC 9293, 3.2
	optionNoOperation   = 1   // RFC 9293, 3.2
	optionMSS           = 2   // RFC 9293, 3.2
	optionWindowScale   = 3   // RFC 7323, 2.2
	optionSACKPermitted = 4   // RFC 2018, 2
	optionSACK          = 5   // RFC 2018, 3
	optionTimestamps    = 8   // RFC 7323, 3.2
	optionAccECN0       = 172 // RFC 9768, 3.2.3
	optionAccECN1       = 174 // RFC 9768, 3.2.3
)

// tcpMaxOptions is the room for options in bytes: 15 words of header at most.
const tcpMaxOptions = TCPMaxLen - TCPLen

// SACKBlock is a range of bytes that has arrived: Left is the first of them,
// Right the one behind the last (RFC 2018, 3).
type SACKBlock struct{ Left, Right Seq }

// TCPOptions are the options of a TCP header that are known here.
type TCPOptions struct {
	MSS            uint16 // RFC 9293, 3.7.1; when HasMSS
	WindowScale    uint8  // shift as on the wire, above 14 too (RFC 7323, 2.3); when HasWindowScale
	HasMSS         bool
	HasWindowScale bool
	SACKPermitted  bool // RFC 2018, 2
	HasTimestamps  bool
	NumSACK        uint8
	TSVal, TSEcr   uint32       // RFC 7323, 3.2; when HasTimestamps
	SACK           [4]SACKBlock // RFC 2018, 3; the first NumSACK
	AccECN         AccECN       // RFC 9768, 3.2.3
}

// parse reads the options b, which end where the header ends. RFC 9293, 3.1:
// "TCP implementations MUST be prepared to handle an illegal option length
// (e.g., zero); a suggested procedure is to reset the connection" (MUST-7).
// Anybody can send such a segment, so it is malformed as a whole instead, and
// dropped like one with a wrong checksum. A known option whose length is not
// the one that its RFC defines is illegal in the same way. Of an option that
// occurs twice the last one counts.
func (o *TCPOptions) parse(b []byte) Reason {
	if len(b) == 12 && binary.BigEndian.Uint32(b) == timestampsWord {
		o.setTimestamps(b[4:])
		return OK
	}
	// RFC 9293, 3.2: "receivers MUST be prepared to process options even if they do
	// not begin on a word boundary (MUST-64)."
	for len(b) > 0 {
		switch b[0] {
		case optionEnd:
			return OK // what follows is padding
		case optionNoOperation:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) || !o.parseOption(b[0], b[2:b[1]]) {
			return ReasonTCPOption
		}
		b = b[b[1]:]
	}
	return OK
}

// parseOption reads the option of this kind with these data; false means that
// their length is illegal.
func (o *TCPOptions) parseOption(kind byte, data []byte) bool {
	switch kind {
	case optionMSS:
		if len(data) != 2 {
			return false
		}
		o.HasMSS, o.MSS = true, binary.BigEndian.Uint16(data)
	case optionWindowScale:
		if len(data) != 1 {
			return false
		}
		o.HasWindowScale, o.WindowScale = true, data[0]
	case optionSACKPermitted:
		if len(data) != 0 {
			return false
		}
		o.SACKPermitted = true
	case optionTimestamps:
		if len(data) != 8 {
			return false
		}
		o.setTimestamps(data)
	case optionSACK:
		return o.parseSACK(data)
	case optionAccECN0:
		o.AccECN.parse(0, data)
	case optionAccECN1:
		o.AccECN.parse(1, data)
	}
	// RFC 9293, 3.1: "MUST (MUST-6) ignore without error any TCP Option it does
	// not implement, assuming that the option has a length field." (MUST-68: all
	// but the two single octets have one)
	return true
}

func (o *TCPOptions) setTimestamps(data []byte) {
	o.HasTimestamps = true
	o.TSVal, o.TSEcr = binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
}

func (o *TCPOptions) parseSACK(data []byte) bool {
	if len(data) == 0 || len(data)%8 != 0 {
		return false
	}
	o.NumSACK, o.SACK = 0, [4]SACKBlock{}
	// 40 bytes of options hold 4 blocks at most (RFC 2018, 3).
	for ; len(data) > 0; data = data[8:] {
		o.SACK[o.NumSACK] = SACKBlock{Seq(binary.BigEndian.Uint32(data)), Seq(binary.BigEndian.Uint32(data[4:]))}
		o.NumSACK++
	}
	return true
}

// Len returns the bytes that the options take in the header, padding included:
// a multiple of 4, at most 40.
func (o *TCPOptions) Len() int {
	n := o.fixedLen()
	if blocks := o.sackBlocks(n); blocks > 0 {
		n += 4 + 8*blocks
	}
	return n
}

// fixedLen is Len without the SACK option.
func (o *TCPOptions) fixedLen() int {
	n := 0
	if o.HasMSS {
		n += 4
	}
	switch {
	case o.HasTimestamps:
		n += 12 // SACK permitted takes the place of the padding
	case o.SACKPermitted:
		n += 4
	}
	if o.HasWindowScale {
		n += 4
	}
	return n + o.AccECN.Len()
}

// sackBlocks returns how many SACK blocks there is room for behind n bytes.
func (o *TCPOptions) sackBlocks(n int) int {
	return min(int(o.NumSACK), len(o.SACK), (tcpMaxOptions-n-4)/8)
}

// The first word of a timestamps option: behind two no-operations (RFC 7323,
// Appendix A: "The following layout is recommended"), or behind SACK permitted.
const (
	timestampsWord     = optionNoOperation<<24 | optionNoOperation<<16 | optionTimestamps<<8 | 10
	timestampsSACKWord = optionSACKPermitted<<24 | 2<<16 | optionTimestamps<<8 | 10
)

// append appends the options to b: Len bytes.
func (o *TCPOptions) append(b []byte) []byte {
	if o.HasMSS {
		b = append(b, optionMSS, 4, byte(o.MSS>>8), byte(o.MSS))
	}
	if o.HasTimestamps {
		word := uint32(timestampsWord)
		if o.SACKPermitted {
			word = timestampsSACKWord
		}
		b = binary.BigEndian.AppendUint32(b, word)
		b = binary.BigEndian.AppendUint32(b, o.TSVal)
		b = binary.BigEndian.AppendUint32(b, o.TSEcr)
	} else if o.SACKPermitted {
		b = append(b, optionNoOperation, optionNoOperation, optionSACKPermitted, 2)
	}
	if o.HasWindowScale {
		b = append(b, optionNoOperation, optionWindowScale, 3, o.WindowScale)
	}
	b = o.AccECN.append(b)
	if blocks := o.sackBlocks(o.fixedLen()); blocks > 0 {
		b = append(b, optionNoOperation, optionNoOperation, optionSACK, byte(2+8*blocks))
		for _, block := range o.SACK[:blocks] {
			b = binary.BigEndian.AppendUint32(b, uint32(block.Left))
			b = binary.BigEndian.AppendUint32(b, uint32(block.Right))
		}
	}
	return b
}
