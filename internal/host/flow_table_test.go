package host

import (
	"encoding/binary"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// numberedConn is a connection of which there is nothing but the key, one of as many
// as there are numbers.
func numberedConn(n uint32) *TCPConn {
	c := new(TCPConn)
	binary.BigEndian.PutUint32(c.key.remote[12:], n>>14)
	c.key.remotePort, c.key.localPort = uint16(n), uint16(n>>20)
	return c
}

// check looks at what must hold between two calls.
func (t *flowTable) check(tb rapid.TB) {
	for i := range t.shards {
		s := &t.shards[i]
		if s.conns > s.n || s.n-s.conns > flowSegmentLen || len(s.segments) != int(s.n+flowSegmentLen-1)/flowSegmentLen {
			tb.Fatalf("%d connections in %d buckets of %d segments", s.conns, s.n, len(s.segments))
		}
		found := uint32(0)
		for b := range s.n {
			for c := *s.bucket(b); c != nil; c = c.chained {
				shard, hash := t.shard(&c.key)
				if shard != s || flowBucket(hash, s.n) != b {
					tb.Fatalf("a connection is in bucket %d of %d, by its hash in %d", b, s.n, flowBucket(hash, s.n))
				}
				found++
			}
		}
		if found != s.conns {
			tb.Fatalf("%d connections in the chains, counted are %d", found, s.conns)
		}
		for b := s.n; b < uint32(len(s.segments)*flowSegmentLen); b++ {
			if *s.bucket(b) != nil {
				tb.Fatal("a bucket that is not in use has a chain")
			}
		}
	}
}

// The table is a map.
func TestFlowTableIsMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table flowTable
		table.init()
		model := make(map[flowKey]*TCPConn)
		numbers := rapid.Uint32Range(0, rapid.Uint32Range(1, 5000).Draw(t, "flows"))
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { table.check(t) },
			"insert": func(t *rapid.T) {
				first := numbers.Draw(t, "first")
				for i := range rapid.Uint32Range(1, 1000).Draw(t, "n") {
					c := numberedConn(first + i)
					if got, want := table.insert(c), model[c.key] == nil; got != want {
						t.Fatalf("insert: %v, want %v", got, want)
					} else if got {
						model[c.key] = c
					}
				}
			},
			"remove": func(t *rapid.T) {
				first := numbers.Draw(t, "first")
				for i := range rapid.Uint32Range(1, 1000).Draw(t, "n") {
					key := numberedConn(first + i).key
					if c := model[key]; c != nil {
						table.remove(c)
						delete(model, key)
					}
				}
			},
			"remove another of the same four-tuple": func(t *rapid.T) {
				table.remove(numberedConn(numbers.Draw(t, "number")))
			},
			"lookup": func(t *rapid.T) {
				key := numberedConn(numbers.Draw(t, "number")).key
				if table.lookup(&key) != model[key] {
					t.Fatal("lookup finds another")
				}
			},
			"all": func(t *rapid.T) {
				all := table.all()
				if len(all) != len(model) {
					t.Fatalf("%d in all, want %d", len(all), len(model))
				}
				for _, c := range all {
					if model[c.key] != c {
						t.Fatal("all has another")
					}
				}
			},
		})
	})
}

func TestFlowTableClosed(t *testing.T) {
	var table flowTable
	table.init()
	for i := range uint32(1000) {
		table.insert(numberedConn(i))
	}
	conns := table.closeAll()
	if len(conns) != 1000 || !table.isClosed() || table.insert(numberedConn(1000)) {
		t.Fatalf("%d of 1000 connections, closed: %v", len(conns), table.isClosed())
	}
	for i := 1; i < len(conns); i++ {
		if conns[i-1].key.compare(&conns[i].key) >= 0 {
			t.Fatal("not in the order of the keys")
		}
	}
}

// An entry costs the link in the connection, a bucket and a part of the directory; and
// what has gone costs nothing.
func TestFlowTableMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const n = 100_000
	conns := make([]*TCPConn, n)
	for i := range conns {
		conns[i] = numberedConn(uint32(i))
	}
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	table := new(flowTable)
	table.init()
	before := used()
	for _, c := range conns {
		table.insert(c)
	}
	each := float64(int64(used()-before)) / n
	t.Logf("%.1f bytes for each of %d entries, and %d in the connection", each, n, unsafe.Sizeof(conns[0].chained))
	if each > 9 {
		t.Errorf("an entry costs %.1f bytes, want at most 9", each)
	}
	for _, c := range conns {
		table.remove(c)
	}
	if left := int64(used() - before); left > 32<<10 {
		t.Errorf("an empty table holds %d bytes", left)
	}
	runtime.KeepAlive(conns)
}

func BenchmarkFlowLookup(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			conns := make([]*TCPConn, n)
			table := new(flowTable)
			table.init()
			for i := range conns {
				conns[i] = numberedConn(uint32(i))
				table.insert(conns[i])
			}
			i := 0
			for b.Loop() {
				key := conns[i].key
				if table.lookup(&key) != conns[i] {
					b.Fatal("not found")
				}
				if i += 7919; i >= n {
					i %= n
				}
			}
		})
	}
}
