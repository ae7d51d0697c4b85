// Package link is the seam between a stack and the packets' way out: the Link
// interface, and middleware that wraps one link in another.
//
// On the way of a byte it is the last room before the wire and the first after
// it. A link knows frames and batches, never connections; who owns which bytes,
// and for how long, is said at Packet and Link.
package link
