// Package packet puts a stack on an interface of the host, beside the kernel's
// own, by packet sockets (AF_PACKET): Open gives it an Ethernet address of its
// own there, and a Tap shows it what arrives for the host itself.
//
// On the way of a byte it is the place where memory becomes a system call. The
// kernel's virtio header (PACKET_VNET_HDR) stands before each frame, so that TCP
// super-segments of up to 64 KiB pass whole in both directions, and so that it
// is known which checksums the device has checked or is to compute. A classic
// BPF program in the kernel decides which frames are copied at all.
//
// Linux only; elsewhere Open and OpenTap say so. The interface's addresses,
// routes and state are not touched: they are the host's business.
package packet
