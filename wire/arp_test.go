package wire

import "testing"

func TestARPGolden(t *testing.T) {
	tests := []struct {
		name string
		a    ARP
		wire []byte
	}{
		{"request", ARP{Operation: ARPRequest, SenderMAC: mac1, Sender: host4, Target: peer4}, octets(`
			00 01 08 00 06 04 00 01  # hrd, pro, hln, pln, op
			02 00 00 00 00 01 0a 00 00 01  # sha, spa
			00 00 00 00 00 00 c0 00 02 21  # tha, tpa`)},
		{"reply", ARP{Operation: ARPReply, SenderMAC: mac2, Sender: peer4, TargetMAC: mac1, Target: host4}, octets(`
			00 01 08 00 06 04 00 02
			02 00 00 ab cd ef c0 00 02 21
			02 00 00 00 00 01 0a 00 00 01`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkAppend(t, tt.a.Append, tt.wire)
			// A frame's padding to 60 bytes is no part of the packet.
			a, r := ParseARP(append(tt.wire, make([]byte, 18)...))
			if r != OK {
				t.Fatal(r)
			}
			checkSame(t, a, tt.a)
		})
	}
}
