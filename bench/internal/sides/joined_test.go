package sides

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// works are all kinds, small.
func works() []load.Work {
	const some = 40
	return []load.Work{
		{Kind: load.Bulk, Conns: 2, Segment: 1448},
		{Kind: load.PingPong, Size: 3},
		{Kind: load.PingPong, Size: 3, Beside: 2},
		{Kind: load.Connect, Conns: 3},
		{Kind: load.Idle, Pairs: some},
		{Kind: load.Idle, Pairs: some, Blocked: true},
		{Kind: load.Many, Pairs: some, Size: 10},
		{Kind: load.Keep, Pairs: some},
	}
}

// wanted are figures that are not 0 if work was done.
var wanted = map[string][]string{
	load.Bulk:     {load.Gigabits},
	load.PingPong: {load.PerSecond, load.P50, load.P99},
	load.Connect:  {load.PerSecond, load.P50, load.P99, load.Allocs},
	load.Many:     {load.PerSecond},
	load.Keep:     {load.OpenTime, load.CloseTime},
}

func checkFigures(t *testing.T, w load.Work, f load.Figures) {
	t.Helper()
	for _, name := range wanted[w.Kind] {
		if f[name] <= 0 {
			t.Errorf("%s: %v", name, f)
		}
	}
	// Of memory there may be less than before, in a process that has other garbage.
	if blocked := f[load.Goroutines] > 0.5; w.Kind == load.Idle && blocked != w.Blocked {
		t.Errorf("readers blocked: %v: %v", w.Blocked, f)
	}
}

func TestJoined(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of real time")
	}
	specs := []Spec{
		{Stack: Usernet, MTU: 1500, Offload: true},
		{Stack: Usernet, MTU: 1500},
		{Stack: GVisor, MTU: 1500, Offload: true},
		{Stack: GVisor, MTU: 1500, Variant: FIFO},
		{Stack: GVisor, MTU: 1500, Variant: GRO},
		{Stack: Usernet, MTU: 1280},
		{Stack: Copies},
	}
	for i, s := range specs {
		s.Link = Memory
		for _, w := range works() {
			if i%2 == 1 && w.Kind != load.Bulk { // what differs is segmentation
				continue
			}
			if s.Variant == GRO { // which now and then stalls where several connections send
				if w.Kind != load.Bulk {
					continue
				}
				w.Conns = 1
			}
			t.Run(s.Entry()+"/"+w.Kind, func(t *testing.T) {
				w.Warmup, w.Duration = 20*time.Millisecond, 200*time.Millisecond
				if w.Kind == load.Many {
					w.Duration = time.Second
				}
				s.Work = w
				f, err := runJoined(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				checkFigures(t, w, f)
			})
		}
	}
}

// someArrive is a peer at which something arrives.
type someArrive struct {
	local
	n uint64
}

func (s *someArrive) Arrived() (uint64, error) {
	s.n++
	return s.n, nil
}

// A count that is not what was sent is an error.
func TestShortCount(t *testing.T) {
	hosts, err := joined(Spec{Stack: Usernet, Link: Memory, MTU: 1500})
	if err != nil {
		t.Fatal(err)
	}
	const port = 9
	ln, err := hosts[1].listen(port)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, c)
		c.Write(binary.BigEndian.AppendUint64(nil, uint64(n-1)))
		c.Close()
	}()
	dial := func(int) (net.Conn, error) { return hosts[0].dial(port) }
	w := load.Work{Kind: load.Bulk, Conns: 1, Segment: 1448, Duration: 10 * time.Millisecond}
	if _, err := load.Run(t.Context(), w, dial, new(someArrive)); err == nil || !strings.Contains(err.Error(), "arrived") {
		t.Errorf("%v", err)
	}
}
