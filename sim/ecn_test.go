package sim

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// A queue that is more than half full marks packets whose senders take part in
// explicit congestion notification, and lets others alone.
func TestECN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{T: t, Seed: 1})
		// 20 packets of 100 bytes fill the queue; one takes 100 ms.
		c := w.Connect(w.Host("a"), w.Host("b"), Path{Rate: 8 * Kbps, Queue: 2000, ECN: true})
		var fields []byte // of the packets that arrive
		c.ways[0].setDeliver(func(batch []link.Packet) {
			data := batch[0].Data[0]
			h, _, r := wire.ParseIPv4(data, len(data))
			if r != wire.OK {
				t.Errorf("a marked packet does not parse: %v", r)
			}
			fields = append(fields, h.TOS&3)
		})
		const notCapable, capable, experienced = 0, 2, 3 // RFC 3168, 5
		for i := range 16 {
			tos := uint8(capable)
			if i%4 == 3 {
				tos = notCapable
			}
			h := wire.IPv4{TOS: tos, TotalLen: 100, TTL: 64, Protocol: wire.ProtocolUDP,
				Src: netip.AddrFrom4([4]byte{10, 0, 0, 1}), Dst: netip.AddrFrom4([4]byte{10, 0, 0, 2})}
			packet := append(h.Append(nil), make([]byte, 80)...)
			if !c.ways[0].send(w.engine.now(), []link.Packet{{Data: [][]byte{packet}}}, true) {
				t.Fatal("no room on the way")
			}
		}
		time.Sleep(10 * time.Second)
		there, _ := c.Stats() // behind the engine's last use of its lock, and so of fields
		marked := 0
		for i, field := range fields {
			want := byte(capable)
			switch {
			case i%4 == 3:
				want = notCapable
			case i > 10: // finds more than ten packets before it
				want = experienced
				marked++
			}
			if field != want {
				t.Errorf("packet %d arrives with an ECN field of %d, want %d", i, field, want)
			}
		}
		if len(fields) != 16 || int(there.Marked) != marked || marked == 0 {
			t.Errorf("%d packets arrived, %d of them marked; want 16 and %d", len(fields), there.Marked, marked)
		}
	})
}
