package wire

import "testing"

func TestUDPGolden(t *testing.T) {
	want := UDP{SrcPort: 53, DstPort: 0xc001, Length: 13, Checksum: 0xabcd}
	wire := octets("00 35 c0 01  00 0d ab cd") // ports, length, checksum: RFC 768
	checkAppend(t, want.Append, wire)
	for _, size := range []int{13, 40} {
		h, r := ParseUDP(wire, size)
		if r != OK {
			t.Fatal(r)
		}
		checkSame(t, h, want)
	}
}
