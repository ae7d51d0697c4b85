package wire

import (
	"net/netip"
	"testing"
)

func TestEthernetGolden(t *testing.T) {
	tests := []struct {
		name string
		h    Ethernet
		wire []byte
	}{
		// RFC 894: destination, source, type.
		{"IPv4", Ethernet{Dst: mac2, Src: mac1, Type: EtherTypeIPv4}, octets("02 00 00 ab cd ef  02 00 00 00 00 01  08 00")},
		{"IPv6 to all", Ethernet{Dst: Broadcast, Src: mac1, Type: EtherTypeIPv6}, octets("ff ff ff ff ff ff  02 00 00 00 00 01  86 dd")},
		// IEEE 802.1Q: 8100, priority 5, not DEI, VLAN 0x123.
		{"tagged", Ethernet{Dst: mac2, Src: mac1, Tagged: true, VLAN: 0xa123, Type: EtherTypeARP},
			octets("02 00 00 ab cd ef  02 00 00 00 00 01  81 00 a1 23  08 06")},
		{"tag of VLAN 0", Ethernet{Dst: mac2, Src: mac1, Tagged: true, Type: EtherTypeIPv4},
			octets("02 00 00 ab cd ef  02 00 00 00 00 01  81 00 00 00  08 00")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkAppend(t, tt.h.Append, tt.wire)
			h, n, r := ParseEthernet(append(tt.wire, 0x45))
			if r != OK || n != len(tt.wire) {
				t.Fatalf("%v, %d bytes", r, n)
			}
			checkSame(t, h, tt.h)
		})
	}
}

func TestMAC(t *testing.T) {
	tests := []struct {
		mac                        MAC
		text                       string
		broadcast, multicast, zero bool
	}{
		{mac2, "02:00:00:ab:cd:ef", false, false, false},
		{Broadcast, "ff:ff:ff:ff:ff:ff", true, true, false},
		{MAC{0x33, 0x33, 0, 0, 0, 1}, "33:33:00:00:00:01", false, true, false},
		{MAC{}, "00:00:00:00:00:00", false, false, true},
	}
	for _, tt := range tests {
		if got := tt.mac.String(); got != tt.text {
			t.Errorf("String() = %q, want %q", got, tt.text)
		}
		if tt.mac.IsBroadcast() != tt.broadcast || tt.mac.IsMulticast() != tt.multicast || tt.mac.IsZero() != tt.zero {
			t.Errorf("%v: broadcast %v, multicast %v, zero %v", tt.mac, tt.mac.IsBroadcast(), tt.mac.IsMulticast(), tt.mac.IsZero())
		}
	}
}

func TestMulticastMAC(t *testing.T) {
	for addr, want := range map[string]string{
		"224.0.0.1":         "01:00:5e:00:00:01",
		"239.129.2.3":       "01:00:5e:01:02:03", // the 24th bit is dropped
		"ff02::1":           "33:33:00:00:00:01",
		"ff02::1:ff12:3456": "33:33:ff:12:34:56",
	} {
		if got := MulticastMAC(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
