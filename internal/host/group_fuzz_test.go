package host

import (
	"net/netip"
	"testing"
	"time"

	"github.com/usernet-go/usernet/wire"
)

// FuzzMembership drives the machine with any sequence of what may happen: it is two
// bytes a step, what and how much.
func FuzzMembership(f *testing.F) {
	f.Add(false, []byte{0, 1, 6, 9, 3, 5, 6, 200, 1, 1, 6, 200})
	f.Add(true, []byte{0, 1, 2, 2, 4, 1, 5, 7, 8, 1, 7, 1, 0, 1, 9, 1, 6, 1})
	f.Add(false, []byte{4, 1, 0, 3, 4, 2, 0, 4, 6, 250, 5, 77, 6, 250})
	f.Fuzz(func(t *testing.T, v6 bool, steps []byte) {
		const limit, room = 3, 60
		var m membership
		m.init(v6, room, limit, 7)
		addr := func(b byte) netip.Addr {
			if v6 {
				return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: b % 8})
			}
			return netip.AddrFrom4([4]byte{224, 0, 0, b % 8})
		}
		any := netip.IPv4Unspecified()
		if v6 {
			any = netip.IPv6Unspecified()
		}
		sockets, own := make(map[netip.Addr]int), make(map[netip.Addr]bool)
		now := time.Unix(0, 0)
		for ; len(steps) >= 2; steps = steps[2:] {
			a, n := addr(steps[1]), time.Duration(steps[1])
			switch steps[0] % 10 {
			case 0:
				_, ok := m.Join(a, false)
				if ok {
					sockets[a]++
				} else if len(sockets) < limit {
					t.Fatalf("refused with %d groups", len(sockets))
				}
			case 1:
				if sockets[a] > 0 {
					last := m.Leave(a, false)
					if sockets[a]--; sockets[a] == 0 {
						delete(sockets, a)
					}
					if want := sockets[a] == 0 && !own[a]; last != want {
						t.Fatalf("last is %v", last)
					}
				}
			case 2:
				if own[a] = !own[a]; own[a] {
					m.Join(a, true)
				} else {
					m.Leave(a, true)
				}
			case 3:
				m.Query(now, &wire.MembershipQuery{Version: m.latest(), Group: any, MaxResponse: n * time.Second, Robustness: steps[1] % 8})
			case 4:
				m.Query(now, &wire.MembershipQuery{Version: 1 + steps[1]%(m.latest()-1), Group: any, MaxResponse: n * time.Second})
			case 5:
				m.Query(now, &wire.MembershipQuery{Version: m.latest(), Group: a, MaxResponse: n * time.Millisecond, Sources: []netip.Addr{addr(steps[1] / 8), a, addr(steps[1] / 32)}})
			case 6:
				now = now.Add(n * n * 10 * time.Millisecond)
				m.Advance(now)
			case 7:
				m.Report(a)
			case 8:
				m.Renew()
			case 9:
				m.LeaveAll()
				clear(sockets)
				clear(own)
			}
			checkMembership(t, &m, now, sockets, own)
		}
		for range 1000 {
			d := m.Deadline()
			if d.IsZero() {
				return
			}
			now = d
			m.Advance(now)
			checkMembership(t, &m, now, sockets, own)
		}
		t.Fatal("it never comes to rest")
	})
}

func checkMembership(t *testing.T, m *membership, now time.Time, sockets map[netip.Addr]int, own map[netip.Addr]bool) {
	for e, ok := m.Next(now); ok; e, ok = m.Next(now) {
		size := 0
		for i := range e.records {
			size += e.records[i].Len()
		}
		if size > m.room || len(e.records) == 0 != e.group.IsValid() {
			t.Fatalf("%d bytes in %+v", size, e)
		}
	}
	if d := m.Deadline(); !d.IsZero() && !d.After(now) {
		// What is due comes with the next Advance, and is over then.
		m.Advance(now)
		for _, ok := m.Next(now); ok; _, ok = m.Next(now) {
		}
		if d := m.Deadline(); !d.IsZero() && !d.After(now) {
			t.Fatalf("due at %v again", now)
		}
	}
	for b := range byte(8) {
		a := netip.AddrFrom4([4]byte{224, 0, 0, b})
		if m.v6 {
			a = netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: b})
		}
		if joined := m.joined(a) != nil; joined != (sockets[a] > 0 || own[a]) {
			t.Fatalf("%v joined: %v, with %d sockets, %v", a, joined, sockets[a], own[a])
		}
	}
	if m.socket != len(sockets) || len(m.groups) > 2*(m.limit+1)+8 {
		t.Fatalf("%d groups of sockets, want %d; %d groups", m.socket, len(sockets), len(m.groups))
	}
}
