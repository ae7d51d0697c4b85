// Package tun puts a stack at the other end of a network interface of the
// operating system: TUN carries IP packets, TAP carries Ethernet frames. What
// the kernel routes to the interface arrives here, what is sent here arrives in
// the kernel.
//
// On the way of a byte it is the place where memory becomes a system call. With
// the kernel's virtio header (IFF_VNET_HDR), which Open asks for, TCP
// super-segments of up to 64 KiB pass whole in both directions, and checksums of
// packets that do not leave the machine are computed by nobody.
//
// Linux only so far; elsewhere Open and FromFile say so. Addresses, routes and
// the interface's state are not touched: they are the program's business.
package tun
