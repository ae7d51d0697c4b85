// Package pcapng writes packets with time stamps and comments to a file that
// Wireshark and its kin open: draft-ietf-opsawg-pcapng, "PCAP Now Generic (pcapng)
// Capture File Format".
//
// It stands beside the way of a byte: a simulated network hands it each packet as
// it passes. Of the format it has what such a capture takes: one section of
// unknown length, little-endian on every machine; interfaces whose time stamps
// count nanoseconds; whole packets with an optional comment. It does not read.
package pcapng
