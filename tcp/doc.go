// Package tcp is the TCP of RFC 9293 as a state machine: segments, calls of
// the user and instants go in, segments and results come out. It does no I/O,
// reads no clock, takes no lock and starts no goroutine; whoever drives it
// does, and a test can drive it with no network at all.
//
// # On the way of a byte
//
// In: the engine parses a packet, finds the connection by its four-tuple,
// locks it and calls [Conn.Receive] for each segment of a batch; text is copied
// once, into the receive queue, from which [Conn.Read] copies it out. Out:
// [Conn.Write] copies into the send queue, and [Conn.Next] returns segment after
// segment whose text refers to that queue. After each batch and each call of
// the user the engine calls Next until it has no more, and asks
// [Conn.Deadline] when to call [Conn.Advance] at the latest.
//
// # Where to read
//
// The words are the RFC's: snd.una, rcv.nxt, iss; section 3.10.7 is listen.go
// (CLOSED, LISTEN, SYN-SENT) and receive.go (the other states), in the RFC's
// own order. conn.go has the variables of a connection, verbs.go the calls of
// the user, send.go decides what is sent next, ack.go what an acknowledgment
// does, sackreply.go what the peer hears of its own, pathmtu.go how large a
// segment may be. Ideas that have an RFC of their own have a file of their own.
//
// # Losses and congestion
//
// What is in the network stands in scoreboard.go, segment by segment (RFC 2018
// and 6675), and sender.go says how much it is. ackevent.go gathers what one ACK
// says of it, and recovery.go goes through the consequences: what is lost
// (rack.go, RFC 8985; retransmit.go, RFC 6298; duplicate ACKs where the peer does
// not acknowledge selectively, RFC 6582), whether it was none (undo.go: RFC 3522,
// 4015, 5682 and 2883), and how fast it is repaired (prr.go, RFC 9937). When nothing
// comes back, tailprobe.go asks. How large the window is, and the pacing rate, an
// algorithm behind [CongestionControl] says: CUBIC (RFC 9438) with HyStart++ (RFC
// 9406), the default, BBR or NewReno. rate.go makes the samples of the delivery rate
// that BBR lives on. Marks instead of losses are ecn.go (RFC 3168) and accecn.go (RFC
// 9768).
package tcp
