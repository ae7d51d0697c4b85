package host

// Over a link in memory a segment, the peer's answer and what follows from that are all
// worked on upon the stack of whoever called a verb, dozens of calls deep. A new goroutine
// begins with 2 KiB, and its stack is copied each time that it doubles: by then with all
// of these frames, which took a fifth of the CPU of connecting, exchanging a byte and
// closing. So verbs make room at once, before they go deep: a twentieth.

// roomForOutput has the stack grow to what a segment and the answers to it need.
//
//go:noinline
func roomForOutput(never *byte) {
	if never != nil {
		var room [5 << 10]byte // in the frame, whether or not it is used
		fill(&room[0])
	}
}

// roomForDial is roomForOutput for a whole handshake.
//
//go:noinline
func roomForDial(never *byte) {
	if never != nil {
		var room [9 << 10]byte
		fill(&room[0])
	}
}

//go:noinline
func fill(b *byte) { *b++ }
