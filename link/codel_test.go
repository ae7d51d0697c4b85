package link

import (
	"slices"
	"testing"
	"time"
)

// A codelScript asks a codel about packets that leave a queue, one for each
// millisecond, and keeps when it drops.
type codelScript struct {
	codel codel
	drops []int // milliseconds
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// run has packets leave from one millisecond to before another after a sojourn,
// with so much behind them. For one that is dropped, the next one leaves.
func (s *codelScript) run(from, to int, sojourn time.Duration, behind int) {
	for ms := from; ms < to; ms++ {
		for s.codel.drop(start.Add(time.Duration(ms)*time.Millisecond), sojourn, behind) {
			s.drops = append(s.drops, ms)
		}
	}
}

func (s *codelScript) want(t *testing.T, drops ...int) {
	t.Helper()
	if !slices.Equal(s.drops, drops) {
		t.Errorf("drops at %v ms, want %v", s.drops, drops)
	}
	s.drops = nil
}

const (
	above  = 5 * time.Millisecond
	below  = above - 1
	plenty = 100_000
)

// RFC 8289, 5.5 and 5.6: the first drop comes an interval after the delay rose
// to the target, the next ones 100 ms/sqrt(count) behind each other: 100, 200,
// 270.7, 328.4, 378.4, 423.2, 464.0, 501.8, 537.1.
func TestCoDelControlLaw(t *testing.T) {
	var s codelScript
	s.codel.see(1500)
	s.run(0, 540, above, plenty)
	s.want(t, 100, 200, 271, 329, 379, 424, 464, 502, 538)
	s.run(540, 640, below, plenty)
	s.want(t)
}

// RFC 8289, 4.3: "Any packet with a sojourn time less than TARGET will reset the
// time that the queue was last below TARGET."
func TestCoDelBelowTarget(t *testing.T) {
	var s codelScript
	s.codel.see(1500)
	s.run(0, 1000, below, plenty)
	for ms := 1000; ms < 3000; ms += 100 {
		s.run(ms, ms+99, time.Second, plenty)
		s.run(ms+99, ms+100, below, plenty)
	}
	s.want(t)
	s.run(3000, 3101, above, plenty)
	s.want(t, 3100)
}

// RFC 8289, 4.1: a drop must not leave less than the largest packet in the queue.
func TestCoDelSparesLastPacket(t *testing.T) {
	var s codelScript
	s.codel.see(1500)
	s.codel.see(40)
	s.run(0, 500, time.Second, 1500)
	s.want(t)
	s.run(500, 601, time.Second, 1501)
	s.want(t, 600)
	s.run(601, 900, time.Second, 1500)
	s.want(t)
}

// RFC 8289, 5.5: "A large backlog might result in drop rates so high that the
// next drop should happen now".
func TestCoDelCatchesUp(t *testing.T) {
	var s codelScript
	s.run(0, 101, above, plenty)
	s.want(t, 100)
	s.run(400, 401, above, plenty) // due at 200, 270.7, 328.4 and 378.4
	s.want(t, 400, 400, 400, 400)
	s.run(423, 425, above, plenty)
	s.want(t, 424)
}

// RFC 8289, 5.5: drop state goes on at the rate at which it controlled the queue
// when it is entered again within 16 intervals, and begins anew after that.
func TestCoDelEntersAgain(t *testing.T) {
	for _, tt := range []struct {
		name        string
		leave, high int // from when on the delay is below and again above the target
		drops       []int
	}{
		// Nine drops, the tenth due at 570.5; the first of them does not count.
		{"soon", 540, 541, []int{641, 677, 710}},
		{"just in time", 540, 2070, []int{2170, 2206, 2239}},
		{"too late", 540, 2071, []int{2171, 2271, 2342}},
		// The third drop takes the delay below the target: none was due then.
		{"just in time for the last drop", 271, 1770, []int{1870, 1941, 1999}},
		{"too late for the last drop", 271, 1771, []int{1871, 1971, 2042}},
		// The second one, and there is nothing to go on with.
		{"after two drops", 200, 300, []int{400, 500, 571}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s codelScript
			s.run(0, tt.leave, above, plenty)
			// One packet more, which is dropped but for the first three cases.
			dropped := s.codel.drop(start.Add(time.Duration(tt.leave)*time.Millisecond), above, plenty)
			if want := tt.leave != 540; dropped != want {
				t.Fatalf("the packet at %d ms: dropped %v, want %v", tt.leave, dropped, want)
			}
			s.run(tt.leave, tt.high, below, plenty)
			s.drops = nil
			s.run(tt.high, tt.drops[2]+1, above, plenty)
			s.want(t, tt.drops...)
		})
	}
}

// A queue that is never empty keeps no more memory than it needs.
func TestFIFO(t *testing.T) {
	var q fifo[int]
	for i := range 10_000 {
		if q.push(i); i >= 10 {
			first := *q.first()
			if x := q.pop(); first != i-10 || x != i-10 {
				t.Fatalf("first %d, popped %d, want %d", first, x, i-10)
			}
		}
	}
	if all := q.all(); q.len() != 10 || len(all) != 10 || all[0] != 9990 || all[9] != 9999 || cap(q.items) > 64 {
		t.Errorf("%d of %d: %v", q.len(), cap(q.items), all)
	}
}
