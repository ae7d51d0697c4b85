package tcp

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// FuzzReceive drives one machine with what a fuzzer makes of bytes: segments with
// numbers near those that count, verbs and steps of time, in any order. After
// each step it is held against its invariants.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Add([]byte{1, 7, 2, 0x12, 0, 1, 0, 0, 7, 9, 3, 0x10, 0, 0, 200, 5, 7, 100, 9, 7})
	f.Add([]byte{0, 7, 2, 2, 0, 0, 0, 0, 7, 2, 0x10, 1, 1, 0, 0, 7, 3, 50, 8, 7, 2, 0x18, 1, 1, 40, 0, 7, 10, 7})
	f.Add([]byte{0x80, 7, 2, 2, 0, 0, 0, 0, 7, 2, 0x10, 1, 1, 0, 0, 7, 3, 50, 7, 2, 0x10, 1, 2, 0, 0, 7, 5, 7, 2, 0x11, 1, 3, 9, 0, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &fuzzed{T: t, data: data, now: pairEpoch.Add(time.Second)}
		d.start()
		for len(d.data) > 0 {
			d.step()
			d.drain()
			d.keep()
		}
		d.conn.Abort(d.now)
		d.drain()
		d.conn.Returned()
		if d.conn.out.head != nil || d.conn.in.head != nil || d.conn.out.retired != nil {
			t.Fatal("memory is held after Abort")
		}
	})
}

// fuzzed is a machine in a fuzzer's hands.
type fuzzed struct {
	*testing.T
	data []byte
	now  time.Time
	cfg  Config
	conn Conn
	edge Seq
	una  Seq
	live bool
	text [512]byte
	sent []Segment // by the last drain
	lent []byte    // by the last step
}

func (d *fuzzed) byte() byte {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return b
}

func (d *fuzzed) start() {
	b := d.byte()
	d.cfg = Config{Epoch: pairEpoch, SendBuffer: 4096, ReceiveBuffer: 4096,
		NoTimestamps: b&2 != 0, NoWindowScale: b&4 != 0}
	if b&8 != 0 {
		d.cfg.ReceiveBuffer = 1 << 20
	}
	if b&16 != 0 {
		d.cfg.KeepAlive.Idle = time.Minute
	}
	d.cfg = d.cfg.WithDefaults()
	p := Params{ISS: 1000, MSS: 100, MaxSegment: 1000}
	if b&0x80 != 0 {
		p.ISS = 1<<32 - 50
	}
	d.conn.Init(&d.cfg, p)
	if b&1 != 0 {
		d.conn.OpenActive(d.now)
	} else {
		d.conn.OpenPassive()
	}
	d.drain()
}

func (d *fuzzed) step() {
	c := &d.conn
	switch op := d.byte(); op % 16 {
	case 0, 1, 2, 10, 11, 12:
		d.receive()
	case 3, 13:
		b := make([]byte, int(d.byte())*8)
		if len(b)%16 == 0 {
			_, _ = c.Write(d.now, b)
		} else {
			_, _ = c.WriteLent(d.now, b)
			d.lent = b
		}
	case 4:
		_, _ = c.Read(d.now, make([]byte, int(d.byte())*8))
	case 5:
		_ = c.CloseWrite(d.now)
	case 6:
		switch d.byte() % 8 {
		case 0:
			_ = c.CloseRead(d.now)
		case 1:
			_, _ = c.WriteUrgent(d.now, make([]byte, d.byte()))
		case 2:
			c.SetMSS(d.now, int(d.byte())*4)
		case 3:
			c.SetCork(d.now, d.byte()%2 == 0)
		case 4:
			c.SetUserTimeout(d.now, time.Duration(d.byte())*time.Second)
		case 5:
			c.SetKeepAlive(d.now, &KeepAlive{Idle: time.Duration(d.byte()) * time.Second})
		case 6:
			c.Unreachable(d.now, ErrHostUnreachable, d.byte()%4 == 0)
		case 7:
			c.SetNoDelay(d.now, d.byte()%2 == 0)
		}
	case 7:
		d.now = d.now.Add(time.Duration(d.byte()) * time.Millisecond)
		c.Advance(d.now)
	case 8:
		if at := c.Deadline(); at.After(d.now) {
			d.now = at
		}
		c.Advance(d.now)
	case 9:
		d.now = d.now.Add(time.Duration(d.byte()) * 24 * time.Hour / 8)
		c.Advance(d.now)
	case 14:
		_ = c.Close(d.now)
	case 15:
		for i := len(d.sent) - 1; i >= 0 && d.byte()%2 == 0; i-- {
			c.Unsent(d.now, &d.sent[i])
		}
		d.sent = nil
	}
}

// receive makes a segment: its numbers lie at or near what the machine expects,
// by offsets that the fuzzer chooses.
func (d *fuzzed) receive() {
	c := &d.conn
	var s Segment
	s.Flags = flagsOf(d.byte())
	s.Seq, s.Ack = d.near(c.rcv.nxt, c.rcv.edge), d.near(c.snd.una, c.snd.nxt)
	s.Len = int(d.byte()) * 2
	s.Text = [][]byte{d.text[:s.Len/2], d.text[s.Len/2 : s.Len]}
	s.Window = uint16(d.byte()) << (d.byte() % 9)
	o := d.byte()
	if s.Flags.Has(syn) {
		s.Options.HasMSS, s.Options.MSS = o&1 != 0, uint16(d.byte())*8
		s.Options.HasWindowScale, s.Options.WindowScale = o&2 != 0, o>>4
	}
	if o&4 == 0 {
		s.Options.HasTimestamps = true
		s.Options.TSVal = c.ts.recent + uint32(int8(d.byte()))
		s.Options.TSEcr = tsClock(c.at(d.now), c.ts.offset) - uint32(d.byte())
	}
	if s.Flags.Has(urg) {
		s.Urgent = binary.BigEndian.Uint16([]byte{d.byte(), d.byte()})
	}
	s.ECN = wire.ECN(o >> 6)
	if o&32 != 0 {
		s.Flags |= ae
		n := func() uint32 { return uint32(d.byte()) << (d.byte() % 20) }
		s.Options.AccECN = wire.AccECN{Present: true, Order: o & 1, Fields: d.byte() & 3, EE0B: n(), ECEB: n(), EE1B: n()}
	}
	if s.Len > 100 && o&8 != 0 {
		s.SegmentSize = 100
	}
	r := c.Receive(d.now, &s)
	if r >= NumReasons {
		d.Fatalf("reason %d", r)
	}
}

// flagsOf makes ACK the common case.
func flagsOf(b byte) (f wire.TCPFlags) {
	f = wire.TCPFlags(b)
	if b&0x40 == 0 {
		f |= ack
	}
	return f
}

// near returns one of two numbers, or one close to it.
func (d *fuzzed) near(a, b Seq) Seq {
	switch o := d.byte(); {
	case o == 0:
		return a
	case o == 1:
		return b
	case o < 64:
		return a.Add(int(o) - 32)
	case o < 128:
		return b.Add(int(o) - 96)
	case o < 250:
		return a.Add(int(o-128) * 32)
	default:
		return a.Add(int(d.byte())<<24 | int(d.byte()))
	}
}

// keep has the machine keep what was lent to it, and overwrites that: all text is zeros.
func (d *fuzzed) keep() {
	d.conn.Keep()
	for i := range d.lent {
		d.lent[i] = 1
	}
	d.lent = nil
}

// drain takes what the machine sends and checks it, and the machine.
func (d *fuzzed) drain() {
	c := &d.conn
	d.sent = nil
	var s Segment
	for n := 0; c.Next(d.now, &s); n++ {
		if n > 1000 {
			d.Fatal("the machine sends without end")
		}
		text := 0
		for _, p := range s.Text {
			text += len(p)
			if bytes.IndexByte(p, 1) >= 0 {
				d.Fatal("what was lent is referred to after it was kept")
			}
		}
		if text != s.Len || s.SegmentSize != 0 && s.Len <= s.SegmentSize {
			d.Fatalf("segment of %d bytes has %d, segment size %d", s.Len, text, s.SegmentSize)
		}
		if s.SegmentSize == 0 && s.Len > max(c.window.MSS, 100) {
			d.Fatalf("segment of %d bytes, MSS %d", s.Len, c.window.MSS)
		}
		if !s.Flags.Has(rst) && c.state.synchronized() && c.snd.nxt.Less(s.end()) {
			d.Fatalf("segment up to %d is beyond snd.nxt %d", s.end(), c.snd.nxt)
		}
		keep := s
		keep.Text = nil
		d.sent = append(d.sent, keep)
		s = Segment{}
	}
	c.Returned()
	if err := c.invariants(); err != nil {
		d.Fatal(err)
	}
	if c.state.synchronized() {
		if d.live && (c.rcv.edge.Less(d.edge) || c.snd.una.Less(d.una)) {
			d.Fatalf("right edge %d, was %d; snd.una %d, was %d", c.rcv.edge, d.edge, c.snd.una, d.una)
		}
		d.edge, d.una, d.live = c.rcv.edge, c.snd.una, true
		waits := c.outstanding() || c.unsent() > 0 || c.finUnsent()
		if waits && c.Deadline().IsZero() {
			d.Fatalf("%v: something waits to be sent or acknowledged, and there is no deadline", c.state)
		}
	} else {
		d.live = false
	}
}
