// Package xdp puts a stack on an interface of the host, beside the kernel's own,
// by AF_XDP: a station with an Ethernet address of its own, as link/packet gives
// one, whose frames leave the kernel's path before it makes packets of them.
//
// A program of five comparisons, attached to the interface, redirects the frames
// that are addressed to the station into memory that it shares with the kernel:
// for each receive queue of the interface there is a socket with four rings, so
// that a frame costs no system call but the one that waits for the next batch.
// All other frames go on to the kernel, and the host keeps its network. Frames to
// groups and to all are both the kernel's and the station's, and a program can
// give a frame to one only: the kernel gets them, and the station has copies
// through a packet socket, as it has of what reaches it by a queue without a
// socket of its own.
//
// AF_XDP has neither segmentation nor checksums: each segment is one frame, and
// the stack computes and checks each sum. It pays where a wire's packets come one
// by one, above all with a driver that shares its buffers (zero copy, not measured
// here). Processor time of both ends and the wire, for each packet of 1500 bytes
// over a veth pair without offloads, by the package's benchmarks, medians of five
// interleaved rounds on two noisy cores, in microseconds:
//
//	                            native  generic  link/packet
//	datagrams sent                 4.5      4.6          6.3
//	datagrams received            10.2      9.9         11.3
//	TCP sent                       5.6      5.3          3.6
//	TCP received                   4.7      4.9          6.6
//	a byte there and back           29       23           64
//
// TCP is sent for less by link/packet also there: it hands 64 KiB to the kernel in
// one piece, which is cut as the last thing. And where the other side hands over
// super-segments, as a veth pair with its offloads, a tap or a virtual network card
// does, link/packet moves a byte for far less in both directions.
//
// A veth pair does not compute the sums of what its other end sends while that end
// believes that the pair does it for free: switch that off at the other end
// (ethtool -K INTERFACE tx off), or the stack drops the packets for their sums.
// Likewise a tag that an interface takes off frames is nothing that the program
// could see (see Open).
//
// Linux only; elsewhere Open says so. The interface keeps its addresses, its routes,
// its MTU, and whether it is up. While the link is open it receives the frames of
// all groups (allmulti) and, if it cannot filter for further addresses, as a veth
// cannot, those of all stations (promiscuous). The driver of a veth pair that runs
// the program switches the other end's segmentation off ([fixed]: that of TCP, UDP
// and SCTP, and gso-list), and lowers that end's largest MTU (maxmtu) from 65535 to
// 3506; with Config.Generic it does neither. All that is gone with the link, and so
// is the program; also with the process.
package xdp
