package compare

import (
	"fmt"
	"slices"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

// A Case is one work on one link, at which several entries take their turn.
type Case struct {
	Part  string // the load's kind
	Name  string
	Specs []sides.Spec // one for each entry
	Short bool         // one of those that -short has
	// Environment is added to the processes'.
	Environment []string
}

// Parts that are not kinds of load, or not done unless asked for.
const (
	Import  = "import"
	Million = load.Keep
)

// Parts are all that there is to measure.
func Parts() []string {
	return []string{load.Bulk, load.PingPong, load.Connect, load.Idle, load.Many, Million, Import}
}

// Usual are the parts that are measured unless others are asked for.
func Usual() []string {
	return slices.DeleteFunc(Parts(), func(p string) bool { return p == Million })
}

// Sizes of TCP's payload in a segment, with timestamps.
const (
	headers = 20 + 32
	large   = 65535
)

// An entry is a stack, in a variant.
type entry struct{ stack, variant string }

var (
	usernet     = entry{sides.Usernet, ""}
	usernetXDP  = entry{sides.Usernet, sides.XDP}
	linux       = entry{sides.Linux, ""}
	copies      = entry{sides.Copies, ""}
	gvisor      = entry{sides.GVisor, ""}
	gvisorFIFO  = entry{sides.GVisor, sides.FIFO}
	gvisorGRO   = entry{sides.GVisor, sides.GRO}
	gvisorOwn   = entry{sides.GVisor, sides.FDBased}
	all         = []entry{usernet, gvisor, linux}
	withQueue   = []entry{usernet, gvisor, gvisorFIFO, linux}
	withLimit   = []entry{usernet, gvisor, gvisorFIFO, linux, copies}
	withGRO     = []entry{usernet, gvisor, gvisorFIFO, gvisorGRO, linux, copies}
	plain       = []entry{usernet, usernetXDP, linux}
	withShipped = []entry{usernet, gvisor, gvisorOwn, linux}
)

// put returns the specs of entries on a link. The kernel's TCP takes a veth pair where
// others have a device.
func put(entries []entry, s sides.Spec) (specs []sides.Spec) {
	for _, e := range entries {
		x := s
		x.Stack, x.Variant = e.stack, e.variant
		if e.stack == sides.Linux && s.Link != sides.Memory {
			x.Link = sides.Packet
		}
		specs = append(specs, x)
	}
	return specs
}

// Cases returns all of them, for works of that length.
func Cases(warmup, duration time.Duration, short bool) []Case {
	p := plan{warmup: warmup, duration: duration, short: short}
	p.bulk()
	p.exchanges()
	p.memory()
	return p.cases
}

type plan struct {
	warmup, duration time.Duration
	short            bool
	cases            []Case
}

func (p *plan) add(name string, short bool, entries []entry, s sides.Spec) {
	s.Work.Warmup, s.Work.Duration = p.warmup, p.duration
	p.cases = append(p.cases, Case{Part: s.Work.Kind, Name: name, Specs: put(entries, s), Short: short})
}

// segment returns the payload of a segment.
func segment(mtu int, offload bool) int {
	if offload {
		return large - headers
	}
	return mtu - headers
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// veth names the cases of a pair that neither merges nor cuts, and whose ends compute
// checksums: what a wire's packets are, for AF_PACKET and AF_XDP.
const veth = "veth without offloads, MTU 1500"

func (p *plan) bulk() {
	for _, x := range []struct {
		name    string
		mtu     int
		offload bool
		entries []entry
	}{
		{"memory, MTU 1500", 1500, false, withGRO},
		{"memory, MTU 1500 with offloads", 1500, true, withLimit},
		{"memory, 64 KiB", large, false, withLimit},
	} {
		for _, n := range []int{1, 8} {
			p.add(x.name+", "+connections(n), n == 1, x.entries, sides.Spec{Link: sides.Memory, MTU: x.mtu, Offload: x.offload,
				Work: load.Work{Kind: load.Bulk, Conns: n, Segment: segment(x.mtu, x.offload)}})
		}
	}
	for _, x := range []struct {
		link, name string
		mtu, conns int
		entries    []entry
	}{
		{sides.TUN, "TUN, MTU 1500", 1500, 1, withShipped},
		{sides.TUN, "TUN, MTU 1500", 1500, 8, withShipped},
		{sides.TUN, "TUN, 64 KiB", large, 1, withShipped},
		{sides.TAP, "TAP, MTU 1500", 1500, 1, []entry{usernet}},
		{sides.Packet, "AF_PACKET, MTU 1500", 1500, 1, all},
		{sides.Packet, "AF_PACKET, MTU 1500", 1500, 8, all},
		{sides.Packet, veth, 1500, 1, plain},
	} {
		for _, down := range []bool{false, true} {
			name := fmt.Sprintf("%s, %s, %s", x.name, connections(x.conns), map[bool]string{false: "up", true: "down"}[down])
			short := x.mtu == 1500 && x.conns == 1
			offload := x.name != veth
			p.add(name, short, x.entries, sides.Spec{Link: x.link, MTU: x.mtu, Offload: offload, Reverse: down,
				Work: load.Work{Kind: load.Bulk, Conns: x.conns, Segment: segment(x.mtu, offload)}})
		}
	}
}

func (p *plan) exchanges() {
	on := func(link string, w load.Work) sides.Spec {
		return sides.Spec{Link: link, MTU: 1500, Offload: true, Work: w}
	}
	for _, size := range []int{1, 16 << 10} {
		name := map[int]string{1: "1 byte", 16 << 10: "16 KiB"}[size]
		w := load.Work{Kind: load.PingPong, Size: size}
		p.add("memory, "+name, size == 1, withLimit, on(sides.Memory, w))
		p.add("TUN, "+name, size == 1, withShipped, on(sides.TUN, w))
		p.add("TAP, "+name, false, []entry{usernet}, on(sides.TAP, w))
		p.add("AF_PACKET, "+name, false, all, on(sides.Packet, w))
		p.add(veth+", "+name, false, plain, sides.Spec{Link: sides.Packet, MTU: 1500, Work: w})
	}
	p.add("memory, 1 byte beside 7 bulk", true, withQueue, on(sides.Memory, load.Work{Kind: load.PingPong, Size: 1, Beside: 7}))
	w := load.Work{Kind: load.Connect, Conns: 8}
	p.add("memory", true, withQueue, on(sides.Memory, w))
	p.add("TUN", false, all, on(sides.TUN, w))
	p.add("AF_PACKET", false, all, on(sides.Packet, w))
}

// memoryLimit is GOMEMLIMIT of the million.
const memoryLimit = "4GiB"

func (p *plan) memory() {
	on := func(link string, w load.Work) sides.Spec {
		return sides.Spec{Link: link, MTU: 1500, Offload: true, Work: w}
	}
	few, much := 10_000, 100_000
	if p.short {
		few = 500
	}
	both := []entry{usernet, gvisor}
	for _, blocked := range []bool{false, true} {
		reader := map[bool]string{false: "", true: ", with blocked readers"}[blocked]
		w := load.Work{Kind: load.Idle, Pairs: few, Blocked: blocked}
		p.add(fmt.Sprintf("%d pairs%s", few, reader), true, all, on(sides.Memory, w))
		w.Pairs = much
		p.add(fmt.Sprintf("%d pairs%s", much, reader), false, both, on(sides.Memory, w))
	}
	many := load.Work{Kind: load.Many, Pairs: few, Size: 100}
	p.add(fmt.Sprintf("memory, %d connections", few), true, all, on(sides.Memory, many))
	p.add(fmt.Sprintf("TUN, %d connections", few), false, all, on(sides.TUN, many))
	keep := load.Work{Kind: load.Keep, Pairs: 1_000_000}
	p.add("a million pairs, GOMEMLIMIT="+memoryLimit, false, []entry{usernet}, on(sides.Memory, keep))
	last := &p.cases[len(p.cases)-1]
	last.Environment = []string{"GOMEMLIMIT=" + memoryLimit}
	last.Specs[0].Work.Duration = 75 * time.Second
}
