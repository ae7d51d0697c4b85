package packet

// Stats are counters, from the moment when the socket was opened.
type Stats struct {
	// Dropped counts packets for which the kernel had no room, because Receive
	// did not keep up.
	Dropped uint64
	// Unusable counts packets that came and cannot be handed on: larger than 64
	// KiB, merged from segments of a protocol that is neither TCP nor UDP, or with
	// an offload that contradicts their headers.
	Unusable uint64
}
