// Package pipe is a wire in memory: two links, joined, for tests, for demos and
// for stacks that live in one program.
//
// On the way of a byte it is the shortest way there is. Send runs the other
// end's deliver on the sender's own goroutine and passes on what it was lent:
// no copy, no queue, no goroutine, no allocation. Checksums that the sender has
// left to the link are left to nobody (link.ChecksumPartial arrives as it was
// sent), since the bytes never leave memory.
//
// A pipe neither loses nor delays: wrap an end in link.Shape for that. It does
// not look into packets, and does not compare them with its MTU or with what
// Info says: that is the sender's part of the contract.
package pipe
