package hop

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
)

// testPacket is a packet of TCP over IPv4.
func testPacket(ports uint32, seq uint32, flags byte, text int) []byte {
	b := make([]byte, ipv4Header+tcpHeader+text)
	b[0], b[9] = 0x45, tcp
	b[1] = 2 // ECT(0)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	t := b[ipv4Header:]
	binary.BigEndian.PutUint32(t, ports)
	binary.BigEndian.PutUint32(t[4:], seq)
	t[12], t[13] = 5<<4, flags
	return b
}

const (
	fin = 1
	syn = 2
	rst = 4
	ack = 16
)

// arrival is a packet that came out of a hop.
type arrival struct {
	at     time.Time
	seq    uint32
	marked bool
}

// Packets arrive when, and if, the Carrier says so, whatever the path does to them.
func TestFates(t *testing.T) {
	ms := time.Millisecond
	for name, path := range map[string]link.Path{
		"delay":     {Delay: 10 * ms},
		"rate":      {Delay: 10 * ms, Rate: 10_000_000},
		"loss":      {Delay: 10 * ms, Rate: 100_000_000, Loss: 0.1, Burst: 3},
		"reorder":   {Delay: 10 * ms, Rate: 100_000_000, Reorder: 0.1, ReorderDelay: 5 * ms, Jitter: 2 * ms},
		"overflow":  {Delay: ms, Rate: 1_000_000, Queue: 5000},
		"codel":     {Delay: 10 * ms, Rate: 1_000_000, CoDel: true, Queue: 1 << 20},
		"codel+ecn": {Delay: 10 * ms, Rate: 1_000_000, CoDel: true, ECN: true, Queue: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testFates(t, path) })
		})
	}
}

func testFates(t *testing.T, path link.Path) {
	const seed, packets = 7, 500
	h := NewInBubble(path, link.Path{}, seed)
	var got []arrival
	h.AddPorts(nil, func(batch [][]byte) {
		for _, b := range batch {
			got = append(got, arrival{time.Now(), binary.BigEndian.Uint32(b[ipv4Header+4:]), b[1]&3 == 3})
		}
	})
	h.Start()
	carrier := link.NewCarrier(path, 2*seed)
	want := make(map[uint32]arrival)
	var queued []uint32
	dropped := 0
	settle := func(seq uint32, f link.Fate) {
		if f.Outcome == link.Arrives {
			want[seq] = arrival{f.At, seq, f.Marked}
		} else {
			dropped++
		}
	}
	drain := func() {
		for {
			f, ok := carrier.Next(time.Now())
			if !ok {
				return
			}
			settle(queued[0], f)
			queued = queued[1:]
		}
	}
	for i := range uint32(packets) {
		b := testPacket(1, i, ack, 1000)
		if i == 0 {
			b = testPacket(1, i, syn, 0)
		}
		h.Send(0, Forth, b)
		if f := carrier.CarryECN(time.Now(), len(b), path.ECN); f.Outcome == link.Queued {
			queued = append(queued, i)
		} else {
			settle(i, f)
		}
		time.Sleep(300 * time.Microsecond)
		drain()
	}
	for range 200 {
		time.Sleep(100 * time.Millisecond)
		drain()
	}
	h.Close()
	if len(queued) > 0 {
		t.Fatalf("%d packets are still queued", len(queued))
	}
	for _, a := range got {
		w, ok := want[a.seq]
		delete(want, a.seq)
		if !ok || !a.at.Equal(w.at) || a.marked != w.marked {
			t.Fatalf("packet %d arrived at %v, marked: %v; want %v, %v", a.seq, a.at, a.marked, w.at, w.marked)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d packets did not arrive", len(want))
	}
	s := h.Stats()
	forth := s.Ways[Forth]
	if n := forth.Overflow + forth.Managed + forth.Lost; n != dropped || forth.Packets != packets {
		t.Errorf("counted %d dropped of %d, want %d of %d", n, forth.Packets, dropped, packets)
	}
	if s.Late.Max() != 0 {
		t.Errorf("late by %v in virtual time", s.Late.Max())
	}
}

// The mean wait is that of a queue which is served at the path's rate.
func TestWait(t *testing.T) {
	for _, codel := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			path := link.Path{Delay: time.Millisecond, Rate: 8_000_000, Queue: 1 << 20, CoDel: codel}
			h := NewInBubble(path, link.Path{}, 1)
			h.AddPorts(nil, func([][]byte) {})
			h.Start()
			// 1000 bytes take 1 ms; the SYN's 40 take 40 us before the first.
			h.Send(0, Forth, testPacket(1, 0, syn, 0))
			for range 4 {
				h.Send(0, Forth, testPacket(1, 1, ack, 960))
			}
			time.Sleep(time.Second)
			h.Close()
			want := (4*40*time.Microsecond + (0+1+2+3)*time.Millisecond) / 5
			if got := h.Stats().Ways[Forth].Wait; got != want {
				t.Errorf("CoDel %v: mean wait %v, want %v", codel, got, want)
			}
		})
	}
}

// The hop takes TCP over IPv4 only, and of connections whose beginning it has seen.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewInBubble(link.Path{}, link.Path{}, 1)
		n := 0
		h.AddPorts(nil, func(batch [][]byte) { n += len(batch) })
		h.Start()
		send := func(b []byte) {
			h.Send(0, Forth, b[:10], b[10:])
			synctest.Wait()
		}
		v6, udp := testPacket(1, 0, syn, 0), testPacket(1, 0, syn, 0)
		v6[0], udp[9] = 0x60, 17
		for _, b := range [][]byte{v6, udp, testPacket(1, 0, ack, 10)} {
			send(b)
		}
		if n != 0 {
			t.Fatalf("%d strangers have arrived", n)
		}
		send(testPacket(1, 0, syn, 0))
		send(testPacket(1, 1, ack, 10))
		if n != 2 {
			t.Fatalf("%d packets have arrived, want 2", n)
		}
		h.Restart(2)
		send(testPacket(1, 11, ack, 10))
		if s := h.Stats(); n != 2 || s.Ways[Forth].Packets != 0 {
			t.Errorf("after a restart %d have arrived, %d were carried", n-2, s.Ways[Forth].Packets)
		}
		h.Close()
		send(testPacket(1, 0, syn, 0))
		h.Close()
	})
}

// What is picked to vanish does so, and is missed.
func TestDropIf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewInBubble(link.Path{}, link.Path{}, 1)
		n := 0
		h.AddPorts(func(batch [][]byte) { n += len(batch) }, func(batch [][]byte) { n += len(batch) })
		h.DropIf(func(s Segment) bool { return s.Text > 0 && !s.Again })
		h.Start()
		for _, seq := range []uint32{1, 101, 1, 101, 101} {
			if seq == 1 && n == 0 {
				h.Send(0, Forth, testPacket(1, 0, syn, 0))
			}
			h.Send(0, Forth, testPacket(1, seq, ack, 100))
			synctest.Wait()
		}
		h.Send(0, Back, testPacket(2, 0, syn, 0))
		h.Send(0, Back, testPacket(2, 1, ack, 100))
		synctest.Wait()
		h.Close()
		forth := h.Stats().Ways[Forth]
		if n != 6 || forth.Resent != 3 || forth.Spurious != 1 || forth.Arrived != 3 {
			t.Errorf("%d have arrived; forth %+v", n, forth)
		}
	})
}

// A hop in real time: its thread sleeps and is woken.
func TestRealTime(t *testing.T) {
	const delay = 20 * time.Millisecond
	h, err := New(link.Path{Delay: delay}, link.Path{Delay: delay}, 1)
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan time.Time, 1)
	h.AddPorts(func([][]byte) { arrived <- time.Now() }, func(batch [][]byte) {
		for range batch {
			h.Send(0, Back, testPacket(2, 0, syn, 0))
		}
	})
	h.Start()
	defer h.Close()
	for range 3 {
		began := time.Now()
		h.Send(0, Forth, testPacket(1, 0, syn, 0))
		if took := (<-arrived).Sub(began); took < 2*delay {
			t.Errorf("there and back in %v, want at least %v", took, 2*delay)
		}
	}
}
