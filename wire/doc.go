// Package wire holds the formats of the protocols: one file for each, with a
// struct per header, a Parse function and an Append method.
//
// On the way of a byte it is the room between a link, which knows frames only
// as bytes, and the machines, which know headers only as structs. It has no
// state, no clock, no lock and no goroutine, and imports the standard library
// only.
//
// Parsing checks every length before it reads, allocates nothing, and never
// panics: why a packet cannot be used is a [Reason], an enum for counters and
// traces, and never an error. Slices in a parsed header refer to the bytes that
// were parsed. Appending writes in one forward pass behind what the slice holds
// already; what Append writes, Parse reads back as the same value.
//
// Header checksums (IPv4) are checked and written here. The checksums of TCP,
// UDP and ICMP cover payload that may lie in further pieces, and that a device
// may have summed already: whoever has the pieces calls [VerifyChecksum],
// [SetChecksum] or [SetPartialChecksum].
//
// Not here: IGMP and MLD, IPv6 jumbograms, IPsec headers, and more than one
// 802.1Q tag.
package wire
