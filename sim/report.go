package sim

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/usernet-go/usernet"
)

// A reportInput is what there is to say when a test has failed.
type reportInput struct {
	seed  uint64
	drawn bool      // at random or from the environment: the test does not set it
	test  string    // its name; "" if there is none
	pkg   string    // where it is, for go test
	start time.Time // of the world
	ways  []*recent
	hosts []reportHost
}

// A reportHost is a host with what Stack.Connections says.
type reportHost struct {
	name        string
	connections []usernet.Connection
}

// Bounds on the lines of a report.
const (
	reportPackets     = 130
	reportConnections = 60
)

// report writes the seed, the command that repeats the test, the last packets of
// each way and the connections of each host, in 200 lines at most.
func report(w io.Writer, r reportInput) {
	fmt.Fprintf(w, "sim: seed %d", r.seed)
	if r.test != "" {
		fmt.Fprintf(w, "; to repeat this:\n%s", r.command())
	}
	fmt.Fprintln(w)
	r.writePackets(w)
	r.writeConnections(w)
}

// command returns the command line that runs the test again with the same seed.
func (r *reportInput) command() string {
	var b strings.Builder
	if r.drawn {
		fmt.Fprintf(&b, "%s=%d ", seedVariable, r.seed)
	}
	// The levels of a test's name are matched one by one.
	levels := strings.Split(r.test, "/")
	for i, name := range levels {
		levels[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	pattern := quote(strings.Join(levels, "/"))
	if strings.HasPrefix(r.test, "Benchmark") {
		pattern = "'^$' -bench " + pattern
	}
	fmt.Fprintf(&b, "go test -run %s -count=1 %s", pattern, r.pkg)
	return b.String()
}

// quote returns s as a shell takes it for a single word.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// importPath returns the path of the package whose test this program is, and "."
// where that is not known.
func importPath() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "."
	}
	return packageOf(info.Path)
}

// packageOf returns the package of a test binary.
func packageOf(binary string) string {
	// What go test was given as files has no path of its own.
	pkg, ok := strings.CutSuffix(binary, ".test")
	if !ok || pkg == "command-line-arguments" {
		return "."
	}
	return pkg
}

// writePackets writes the last packets of the ways in the order of their times. When
// there are many ways, it shows fewer of each, and leaves out the ways on which
// nothing has happened for the longest time.
func (r *reportInput) writePackets(w io.Writer) {
	var ways [][]kept
	for _, y := range r.ways {
		if packets := y.packets(); len(packets) > 0 {
			ways = append(ways, packets)
		}
	}
	if len(ways) == 0 {
		return
	}
	left := max(0, len(ways)-reportPackets)
	if left > 0 {
		slices.SortStableFunc(ways, func(a, b []kept) int { return byTime(a[len(a)-1], b[len(b)-1]) })
		ways = ways[left:]
	}
	each := min(keptPackets, reportPackets/len(ways))
	var shown []kept
	for _, packets := range ways {
		shown = append(shown, packets[max(0, len(packets)-each):]...)
	}
	slices.SortStableFunc(shown, byTime)
	if each == 1 {
		fmt.Fprintln(w, "\nthe last packet each way:")
	} else {
		fmt.Fprintf(w, "\nthe last %d packets each way:\n", each)
	}
	var line []byte
	for i := range shown {
		line = shown[i].appendTrace(line[:0], r.start)
		w.Write(line)
	}
	if left > 0 {
		fmt.Fprintf(w, "and those of %d ways on which there were none lately\n", left)
	}
}

// byTime orders packets by when they were sent.
func byTime(a, b kept) int {
	return cmp.Or(a.packet.Time.Compare(b.packet.Time), cmp.Compare(a.packet.From, b.packet.From),
		cmp.Compare(a.packet.To, b.packet.To), cmp.Compare(a.packet.Number, b.packet.Number))
}

// writeConnections writes the connections of the hosts, and what has not been
// accepted or read from other sockets.
func (r *reportInput) writeConnections(w io.Writer) {
	lines, left := 0, 0
	for _, h := range r.hosts {
		named := false
		for _, c := range h.connections {
			if !c.Remote.IsValid() && c.RecvQ == 0 {
				continue // a listener or a socket without anything that waits
			}
			if lines >= reportConnections {
				left++
				continue
			}
			if !named {
				named = true
				lines += 2
				fmt.Fprintf(w, "\nconnections of %s:\n", h.name)
			}
			lines++
			fmt.Fprintln(w, c)
		}
	}
	if left > 0 {
		fmt.Fprintf(w, "and %d connections more\n", left)
	}
}
