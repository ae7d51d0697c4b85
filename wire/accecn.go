package wire

// AccECN is an AccECN option: how much text of each codepoint has arrived at the
// sender of the option (RFC 9768, 3.2.3). Each counter is the 24 least significant
// bits of one that counts bytes.
type AccECN struct {
	Present bool
	Order   uint8  // 0 or 1: which of EE0B and EE1B stands first
	Fields  uint8  // how many of the three are there, counted from the first: 0 to 3
	EE0B    uint32 // ECT(0)
	ECEB    uint32 // CE
	EE1B    uint32 // ECT(1)
}

// fields returns the three in the order of the option.
func (a *AccECN) fields() [3]*uint32 {
	if a.Order == 0 {
		return [3]*uint32{&a.EE0B, &a.ECEB, &a.EE1B}
	}
	return [3]*uint32{&a.EE1B, &a.ECEB, &a.EE0B}
}

// parse reads the data of the option of an order.
//
// RFC 9768, 3.2.3: "if the AccECN Option is of any other length, implementations
// MUST use those whole 3-octet fields that fit within the length and ignore the
// remainder of the option, treating it as padding."
func (a *AccECN) parse(order uint8, data []byte) {
	*a = AccECN{Present: true, Order: order, Fields: uint8(min(len(data)/3, 3))}
	for i, field := range a.fields() {
		if i == int(a.Fields) {
			break
		}
		*field = uint32(data[0])<<16 | uint32(data[1])<<8 | uint32(data[2])
		data = data[3:]
	}
}

// optionLen is the bytes of the option without padding.
func (a *AccECN) optionLen() int { return 2 + 3*int(min(a.Fields, 3)) }

// Len returns the bytes that the option takes in the header, padding included; 0
// when it is not there.
func (a *AccECN) Len() int {
	if !a.Present {
		return 0
	}
	return (a.optionLen() + 3) &^ 3
}

// append appends the option, behind its padding: Len bytes.
func (a *AccECN) append(b []byte) []byte {
	if !a.Present {
		return b
	}
	n := a.optionLen()
	for range a.Len() - n {
		b = append(b, optionNoOperation)
	}
	kind := byte(optionAccECN0)
	if a.Order != 0 {
		kind = optionAccECN1
	}
	b = append(b, kind, byte(n))
	for i, field := range a.fields() {
		if i == int(a.Fields) {
			break
		}
		b = append(b, byte(*field>>16), byte(*field>>8), byte(*field))
	}
	return b
}
