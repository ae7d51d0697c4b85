package tcp_test

// requirement is one entry of RFC 9293, Appendix B: what the number stands for, in our words, and, where we do not do
// it or where it does not address us, why.
type requirement struct {
	id      string
	section string // where the RFC states it
	level   string // MUST, MUST NOT, SHOULD, SHOULD NOT
	what    string

	// deviates says why we do otherwise. A requirement with both a deviation and a test is met in part: the test shows
	// the part that is met, or what happens in its place.
	deviates string
	// addressee names whom the requirement binds when that is not a TCP implementation.
	addressee string
}

// requirements holds the MUST and SHLD entries of RFC 9293, Appendix B, in the order of their numbers. The appendix lists
// some numbers twice (a MUST and the MUST NOT of its reverse, or IPv4 and IPv6); they are one entry here.
var requirements = []requirement{
	{id: "MUST-1", section: "3.1", level: "MUST", what: "The window field is an unsigned number."},
	{id: "MUST-2", section: "3.1", level: "MUST", what: "Each segment sent carries a checksum."},
	{id: "MUST-3", section: "3.1", level: "MUST", what: "The checksum of each segment received is checked."},
	{id: "MUST-4", section: "3.1", level: "MUST", what: "End of option list, no-operation and maximum segment size are understood."},
	{id: "MUST-5", section: "3.1", level: "MUST", what: "An option can be received in any segment."},
	{id: "MUST-6", section: "3.1", level: "MUST", what: "An unknown option that has a length is skipped without error."},
	{id: "MUST-7", section: "3.1", level: "MUST", what: "An illegal option length does no harm."},
	{id: "MUST-8", section: "3.4.1", level: "MUST", what: "Initial sequence numbers advance with a clock."},
	{id: "MUST-9", section: "3.4.1", level: "MUST NOT", what: "Others can compute the function behind the initial sequence numbers."},
	{id: "MUST-10", section: "3.5", level: "MUST", what: "Both ends may open at once."},
	{id: "MUST-11", section: "3.5", level: "MUST", what: "SYN-RECEIVED remembers whether it came from a passive or an active OPEN."},
	{id: "MUST-12", section: "3.6", level: "MUST", what: "The application learns whether the peer closed or aborted."},
	{id: "MUST-13", section: "3.6.1", level: "MUST", what: "An active close lingers in TIME-WAIT for twice the maximum segment lifetime."},
	{id: "MUST-14", section: "3.7.1", level: "MUST", what: "The maximum segment size option is sent and received."},
	{id: "MUST-15", section: "3.7.1", level: "MUST", what: "Without that option the peer is taken to accept 536 bytes (IPv4) or 1220 (IPv6)."},
	{id: "MUST-16", section: "3.7.1", level: "MUST", what: "Segments are no larger than the peer's MSS and the path allow, options deducted."},
	{id: "MUST-17", section: "3.7.4", level: "MUST", what: "An application can switch the Nagle algorithm off for a connection."},
	{id: "MUST-18", section: "3.8.1", level: "MUST", what: "The retransmission timeout follows RFC 6298, with Karn's algorithm."},
	{id: "MUST-19", section: "3.8.2", level: "MUST", what: "Slow start, congestion avoidance and exponential back-off of the timeout."},
	{id: "MUST-20", section: "3.8.3", level: "MUST", what: "Retransmissions in excess: at R1 the IP layer is advised, at R2 the connection is closed."},
	{id: "MUST-21", section: "3.8.3", level: "MUST", what: "An application can set R2 for a connection."},
	{id: "MUST-22", section: "3.8.3", level: "MUST", what: "SYN segments are retransmitted by the same rules."},
	{id: "MUST-23", section: "3.8.3", level: "MUST", what: "R2 of a SYN lets it be retransmitted for at least 3 minutes."},
	{id: "MUST-24", section: "3.8.4", level: "MUST", what: "An application can switch keep-alives on and off for a connection."},
	{id: "MUST-25", section: "3.8.4", level: "MUST", what: "Keep-alives are off unless asked for.",
		deviates: "A connection of package tcp has none unless asked for. One that package usernet makes has them, as one of package net has; Config.KeepAlive below zero switches them off."},
	{id: "MUST-26", section: "3.8.4", level: "MUST", what: "Keep-alives are sent only when nothing is outstanding and nothing came for an interval."},
	{id: "MUST-27", section: "3.8.4", level: "MUST", what: "That interval can be configured."},
	{id: "MUST-28", section: "3.8.4", level: "MUST", what: "That interval is two hours or more by default.",
		deviates: "Package tcp has no default: who switches keep-alives on says the interval. Package usernet's default is 15 seconds, that of package net."},
	{id: "MUST-29", section: "3.8.4", level: "MUST NOT", what: "One keep-alive that stays without an answer ends a connection."},
	{id: "MUST-30", section: "3.8.5", level: "MUST", what: "Urgent data is supported."},
	{id: "MUST-31", section: "3.8.5", level: "MUST", what: "Urgent data may have any length."},
	{id: "MUST-32", section: "3.8.5", level: "MUST", what: "The application is told when urgent data is announced, and when there is more.",
		deviates: "Package tcp tells whoever drives it (UrgentSignal). In package usernet one has to ask (Info), and Read stops at the urgent pointer: nothing is upcalled."},
	{id: "MUST-33", section: "3.8.5", level: "MUST", what: "The application can learn whether, or how much, urgent data remains to be read."},
	{id: "MUST-34", section: "3.8.6", level: "MUST", what: "A peer that shrinks its window does no harm."},
	{id: "MUST-35", section: "3.8.6", level: "MUST", what: "A window that was shrunk to zero is probed like any other."},
	{id: "MUST-36", section: "3.8.6.1", level: "MUST", what: "A zero window is probed."},
	{id: "MUST-37", section: "3.8.6.1", level: "MUST", what: "A peer may keep its window closed for ever, as long as it answers the probes."},
	{id: "MUST-38", section: "3.8.6.2.1", level: "MUST", what: "The sender avoids silly windows."},
	{id: "MUST-39", section: "3.8.6.2.2", level: "MUST", what: "The receiver avoids silly windows."},
	{id: "MUST-40", section: "3.8.6.3", level: "MUST", what: "An ACK is delayed by less than half a second."},
	{id: "MUST-41", section: "3.9.1.1", level: "MUST NOT", what: "A passive OPEN affects connections that exist."},
	{id: "MUST-42", section: "3.9.1.1", level: "MUST", what: "One can listen on a port while a connection of that port is being opened."},
	{id: "MUST-43", section: "3.9.1.1", level: "MUST", what: "OPEN takes a local address."},
	{id: "MUST-44", section: "3.9.1.1", level: "MUST", what: "Without one, the IP layer chooses it before the first SYN."},
	{id: "MUST-45", section: "3.9.1.1", level: "MUST", what: "A connection keeps its local address."},
	{id: "MUST-46", section: "3.9.1.1", level: "MUST", what: "OPEN to a remote address that is invalid (broadcast, multicast) is an error."},
	{id: "MUST-47", section: "3.9.1.8", level: "MUST", what: "Soft errors reach the application."},
	{id: "MUST-48", section: "3.9.1.9", level: "MUST", what: "An application can set the DiffServ field of a connection."},
	{id: "MUST-49", section: "3.9.2", level: "MUST", what: "The time to live of segments can be configured."},
	{id: "MUST-50", section: "3.9.2", level: "MUST", what: "IP options that TCP does not understand are ignored."},
	{id: "MUST-51", section: "3.9.2.1", level: "MUST", what: "An application can give a source route to an active OPEN.", deviates: noSourceRoutes},
	{id: "MUST-52", section: "3.9.2.1", level: "MUST", what: "That route takes precedence over one that a packet brought.", deviates: noSourceRoutes},
	{id: "MUST-53", section: "3.9.2.1", level: "MUST", what: "A passive OPEN answers along the reverse of the route that a packet brought.", deviates: noSourceRoutes},
	{id: "MUST-54", section: "3.9.2.2", level: "MUST", what: "An ICMP error is handed to the connection that caused it."},
	{id: "MUST-55", section: "3.9.2.2", level: "MUST", what: "Source quench is silently discarded."},
	{id: "MUST-56", section: "3.9.2.2", level: "MUST NOT", what: "A soft ICMP error aborts a connection."},
	{id: "MUST-57", section: "3.9.2.3", level: "MUST", what: "A SYN to a broadcast or multicast address is silently discarded."},
	{id: "MUST-58", section: "3.10.7.4", level: "MUST", what: "ACKs are aggregated whenever possible."},
	{id: "MUST-59", section: "3.10.7.4", level: "MUST", what: "All segments that are queued are processed before an ACK is sent."},
	{id: "MUST-60", section: "3.9.1.2", level: "MUST NOT", what: "Without a PUSH flag on SEND, data is buffered indefinitely."},
	{id: "MUST-61", section: "3.9.1.2", level: "MUST", what: "Without a PUSH flag on SEND, the last segment of what is queued has PSH set."},
	{id: "MUST-62", section: "3.8.5", level: "MUST", what: "The urgent pointer points to the byte behind the urgent data."},
	{id: "MUST-63", section: "3.9.2.3", level: "MUST", what: "A SYN from an invalid source address is ignored."},
	{id: "MUST-64", section: "3.2", level: "MUST", what: "Options are understood at any alignment."},
	{id: "MUST-65", section: "3.2", level: "MUST NOT", what: "The maximum segment size option is sent without SYN."},
	{id: "MUST-66", section: "3.4", level: "MUST", what: "RST and URG are processed though the receive window is zero."},
	{id: "MUST-67", section: "3.7.1", level: "MUST", what: "The MSS that is advertised is no more than what the IP layer can receive, less 20."},
	{id: "MUST-68", section: "3.1", level: "MUST", what: "All options but end of option list and no-operation have a length."},
	{id: "MUST-69", section: "3.1", level: "MUST", what: "The header is padded with zeros behind the end of option list."},

	{id: "SHLD-1", section: "3.4.1", level: "SHOULD", what: "Initial sequence numbers come from a clock and a pseudorandom function of the addresses and ports."},
	{id: "SHLD-2", section: "3.5.3", level: "SHOULD", what: "A RST that carries data is accepted."},
	{id: "SHLD-3", section: "3.6.1", level: "SHOULD", what: "A CLOSE that loses data which was received sends a RST."},
	{id: "SHLD-4", section: "3.6.1", level: "SHOULD", what: "Timestamps shorten TIME-WAIT, as RFC 6191 says."},
	{id: "SHLD-5", section: "3.7.1", level: "SHOULD", what: "The maximum segment size option is sent in each SYN, unless the default is right."},
	{id: "SHLD-6", section: "3.7.3", level: "SHOULD", what: "Where the MTU of an interface varies, the smallest is advertised."},
	{id: "SHLD-7", section: "3.7.4", level: "SHOULD", what: "The Nagle algorithm."},
	{id: "SHLD-8", section: "3.8.2", level: "SHOULD", what: "Explicit congestion notification."},
	{id: "SHLD-9", section: "3.8.3", level: "SHOULD", what: "The application can learn of a delivery problem between R1 and R2."},
	{id: "SHLD-10", section: "3.8.3", level: "SHOULD", what: "R1 is at least 3 retransmissions."},
	{id: "SHLD-11", section: "3.8.3", level: "SHOULD", what: "R2 is at least 100 seconds."},
	{id: "SHLD-12", section: "3.8.4", level: "SHOULD", what: "A keep-alive carries no data."},
	{id: "SHLD-13", section: "3.8.5", level: "SHOULD NOT", what: "New applications use urgent data.", addressee: "applications; the verb for it says so"},
	{id: "SHLD-14", section: "3.8.6", level: "SHOULD NOT", what: "The right edge of the receive window moves to the left."},
	{id: "SHLD-15", section: "3.8.6", level: "SHOULD NOT", what: "New data is sent when the peer has shrunk its window."},
	{id: "SHLD-16", section: "3.8.6", level: "SHOULD", what: "Old data within the window is then retransmitted as usual."},
	{id: "SHLD-17", section: "3.8.6", level: "SHOULD NOT", what: "A connection times out for data beyond the right edge of the window."},
	{id: "SHLD-18", section: "3.8.6.3", level: "SHOULD", what: "ACKs are delayed."},
	{id: "SHLD-19", section: "3.8.6.3", level: "SHOULD", what: "At least each second segment of full size is acknowledged."},
	{id: "SHLD-20", section: "3.9.1.8", level: "SHOULD", what: "An application that does not want the reports of soft errors is spared them."},
	{id: "SHLD-21", section: "3.9.1.9", level: "SHOULD", what: "An application can change the DiffServ field while the connection lives."},
	{id: "SHLD-22", section: "3.9.1.9", level: "SHOULD", what: "The DiffServ field is passed to the IP layer unchanged."},
	{id: "SHLD-23", section: "3.9.2", level: "SHOULD NOT", what: "An application changes the DiffServ field in mid-connection.", addressee: "applications"},
	{id: "SHLD-24", section: "3.9.2.1", level: "SHOULD", what: "A later source route overrides an earlier one.", deviates: noSourceRoutes},
	{id: "SHLD-25", section: "3.9.2.2", level: "SHOULD", what: "Soft ICMP errors are made available to the application."},
	{id: "SHLD-26", section: "3.9.2.2", level: "SHOULD", what: "Hard ICMP errors abort the connection.",
		deviates: "Code 4, fragmentation needed, makes segments smaller instead: path MTU discovery (RFC 1191)."},
	{id: "SHLD-27", section: "3.9.1.2", level: "SHOULD", what: "Successive PSH bits collapse into one segment."},
	{id: "SHLD-28", section: "3.9.1.2", level: "SHOULD", what: "Segments of full size are sent whenever possible."},
	{id: "SHLD-29", section: "3.8.6.1", level: "SHOULD", what: "The first probe of a zero window comes after a retransmission timeout."},
	{id: "SHLD-30", section: "3.8.6.1", level: "SHOULD", what: "The interval between probes grows exponentially."},
	{id: "SHLD-31", section: "3.10.7.4", level: "SHOULD", what: "Segments that arrive out of order are kept."},
}

const noSourceRoutes = "Source routes are neither sent nor followed: RFC 7126 (4.3, 4.4) advises to drop packets that carry them and " +
	"RFC 5095 deprecates their IPv6 form, because they lead around filters and amplify attacks."
