package wire

// Seq is a TCP sequence number. It lives in a space of 2^32 that wraps, so it
// is compared with Less and its kin, never with < (RFC 9293, 3.4).
type Seq uint32

// Less says that s comes before t, for numbers less than 2^31 apart.
func (s Seq) Less(t Seq) bool { return int32(s-t) < 0 }

// LessEq says that s is t or comes before it.
func (s Seq) LessEq(t Seq) bool { return int32(s-t) <= 0 }

// Add returns the number n bytes behind s; n may be negative.
func (s Seq) Add(n int) Seq { return s + Seq(n) }

// Sub returns how many bytes s lies behind t: the n for which t.Add(n) is s,
// with -2^31 <= n < 2^31.
func (s Seq) Sub(t Seq) int { return int(int32(s - t)) }

// Max returns the later of s and t.
func (s Seq) Max(t Seq) Seq {
	if s.Less(t) {
		return t
	}
	return s
}

// Min returns the earlier of s and t.
func (s Seq) Min(t Seq) Seq {
	if t.Less(s) {
		return t
	}
	return s
}
