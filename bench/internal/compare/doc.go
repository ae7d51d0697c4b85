// Package compare measures TCP stacks side by side on links that are as fast as the
// machine: usernet, gVisor's netstack and the kernel's TCP.
//
// # Method
//
// A case is one work on one link (packages load and sides). All entries take their turn
// at a case, each in fresh processes, before the next case, and all cases before the
// next round; each round begins with another entry. What the machine does else falls on
// all alike. Shown is the median of the rounds, with the least and the most. A rate is
// worth little on a machine that does other things, too; the processor's time for each
// unit (user and system, both ends) is steadier and stands beside it.
//
// Same for all: the Go runtime's settings (its defaults), what an application reads and
// writes at a time (64 KiB in bulk), buffers that tune themselves up to 8 MiB, cubic,
// TIME-WAIT of one second (the kernel: the time until a port may be reused), the
// clients' ports 32768 to 65535. The client closes first and has TIME-WAIT. A warm-up
// precedes each measurement. In bulk it is what arrives that counts, and it has to be as
// many bytes as were sent. Elsewhere an answer has to come, of as many bytes as it should
// have. Nobody looks at the bytes themselves.
//
// A measurement that fails is named. What is shown of others in its row is of fewer
// rounds, which the row says, and nothing is compared with the best of some variants
// when one of them has no measurement.
//
// Nobody computes TCP checksums over the data: in memory and on the kernel's loopback
// and veth there is no need, on TUN, TAP and AF_PACKET they are left to the device. The
// exceptions are gVisor's own links, "fdbased" on TUN and the sending half of the one on
// AF_PACKET where it does not segment: that is how they are made; and a veth pair without
// offloads, where each packet is one segment and has its sum, for usernet on AF_PACKET and
// on AF_XDP ("xdp"). IP headers' are computed by all.
//
// gVisor has the options that suit it best (SACK, RACK, moderated receive buffers) and
// stands in variants, of which targets take the best: on a link that delivers at once,
// as usernet's pipe does; with its queue ("fifo") before that; with that and its own
// segmentation and coalescing ("gro"), where the link has none; on TUN with a link with
// virtio headers as usernet's has, and with the one it ships ("fdbased"); on AF_PACKET
// with the one it ships, with recvmmsg, segmentation by the host, and coalescing. The
// kernel stands on a veth pair wherever the others are on a device.
package compare
