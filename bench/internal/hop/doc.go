// Package hop carries packets between hosts in real time, over a path that
// link.Carrier judges: the emulator of package sim, for stacks that know no
// virtual time.
//
// A hop has two ways. Forth goes what is measured, over the path with all its
// faults; back come acknowledgments. On either way several pairs of hosts can share
// one queue. A host is a stack in memory (Port) or the descriptor of a TUN device,
// behind which the kernel's stack stands. Only TCP over IPv4 is carried: what else a
// kernel has to say to its neighbours would take numbers of the path, by which
// losses are drawn.
//
// One thread for each hop waits for descriptors and for the next arrival, with the
// kernel's finest clock; how late it was is measured (Stats.Late).
package hop
