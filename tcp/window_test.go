package tcp

import "testing"

// Also where more of the buffer is held back for the window's scale than a segment has, the edge moves by a segment, or by
// half of what the buffer takes.
func TestAdvanceWithScale(t *testing.T) {
	// RFC 9293 MUST-39
	for _, test := range []struct {
		buffer, mss int
		window      int // that the peer still has
		free        int
		want        int
	}{
		{128 << 10, 1448, 0, 2048 + 512, 0},
		{128 << 10, 1448, 0, 2048 + 1535, 0},
		{128 << 10, 1448, 0, 2048 + 1536, 1536},
		{128 << 10, 1448, 1024, 2048 + 2047, 0},
		{128 << 10, 1448, 1024, 2048 + 2560, 1536},
		{128 << 10, 65483, 63744, 128 << 10, 65280}, // half of the window that the sender waits for
		{128 << 10, 65483, 63744, 120 << 10, 0},
		{16 << 20, 1448, 0, 1<<18 + 1535, 0},
	} {
		c := Conn{receiveBuffer: int32(test.buffer), window: Window{MSS: test.mss}}
		c.rcv.shift, c.rcv.nxt = 9, 1000
		c.rcv.edge = c.rcv.nxt.Add(test.window)
		c.in.next = c.in.first.Add(test.buffer - test.free)
		if got := c.advance(test.buffer); got != test.want {
			t.Errorf("%+v: the edge moves by %d", test, got)
		}
	}
}
