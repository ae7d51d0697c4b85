package compare

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
	"github.com/usernet-go/usernet/bench/internal/sides"
	"github.com/usernet-go/usernet/internal/plot"
)

// WritePage writes the results as a page and a picture to a directory.
func (r *Results) WritePage(dir string) error {
	var page bytes.Buffer
	fmt.Fprintf(&page, "# How fast, and how much memory\n\nThis page was made by `%s`, as root.\n\n%s\n\n![%s](performance.svg)\n\n",
		r.Command, r.about(), pictureTitle)
	r.Write(&page)
	picture := r.picture()
	for name, b := range map[string][]byte{"performance.md": page.Bytes(), "performance.svg": []byte(picture.String())} {
		if err := os.WriteFile(filepath.Join(dir, name), append(bytes.TrimSpace(b), '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// about says how and on what was measured.
func (r *Results) about() string {
	s := "usernet, gVisor's netstack and the kernel's TCP take turns at each case, in fresh processes, in %d rounds of %v each: shown " +
		"is the median, with the least and the most. us CPU is user and system time of both ends. Where the kernel is at an end, each " +
		"end is a process; on devices the other end is always the kernel's, and its own rows stand on a veth pair.\n\n" +
		"Same for all: Go's default settings, 64 KiB for each read and write in bulk, buffers that tune themselves up to 8 MiB, cubic, " +
		"TIME-WAIT of %v, at the client, which closes first, and its ports %d to %d. TCP checksums over data are computed by nobody: memory does not " +
		"need them, devices do them; except for gVisor's own links, `fdbased` on TUN and small segments on AF_PACKET, which are made so, and for " +
		"veth without offloads, where usernet stands on AF_PACKET and on AF_XDP (`xdp`).\n\n" +
		"gVisor has SACK, RACK and moderated buffers, and stands in variants, the best of which is what targets compare with: on a link " +
		"as good as usernet's; with its queue before that (`fifo`); with its own segmentation and coalescing, too (`gro`); on TUN on the " +
		"link that it ships (`fdbased`); on AF_PACKET on that with recvmmsg, segmentation by the host, and coalescing. `copies` is no stack, but " +
		"a buffer of 128 KiB for each way, into which writers copy and readers out of."
	s = fmt.Sprintf(s, r.Rounds, r.Duration, sides.TimeWait, sides.FirstPort, sides.LastPort)
	var versions []string
	for _, name := range []string{"go", "kernel", "gvisor"} {
		if v := r.Versions[name]; v != "" {
			versions = append(versions, name+" "+v)
		}
	}
	s += fmt.Sprintf("\n\n%s; %s; %s, in %v.", r.Began.Format("2 January 2006"), r.Machine, strings.Join(versions, ", "), r.Took.Round(time.Second))
	if len(r.Missing) > 0 {
		s += " Not measured: " + strings.Join(r.Missing, "; ") + "."
	}
	return s
}

const pictureTitle = "usernet beside gVisor, in its best variant, and the kernel"

// panels are those of the picture. Each has the cases of one part, and one figure.
var panels = []struct {
	part, figure, title string
	unit                plot.Unit
	scale               float64 // of the figure, in the unit
	cases               []string
}{
	{load.Bulk, load.Gigabits, "Bulk, 1 connection", plot.BitsPerSecond, 1e9, []string{
		"memory, MTU 1500, 1 connection", "memory, MTU 1500 with offloads, 1 connection", "memory, 64 KiB, 1 connection",
		"TUN, MTU 1500, 1 connection, up", "TUN, MTU 1500, 1 connection, down",
		"AF_PACKET, MTU 1500, 1 connection, up", "AF_PACKET, MTU 1500, 1 connection, down"}},
	{load.Bulk, load.CPU, "Processor time for a MiB, both ends", plot.Seconds, 1e-6, []string{
		"memory, MTU 1500, 1 connection", "memory, MTU 1500 with offloads, 1 connection", "memory, 64 KiB, 1 connection",
		"TUN, MTU 1500, 1 connection, up", "TUN, MTU 1500, 1 connection, down",
		"AF_PACKET, MTU 1500, 1 connection, up", "AF_PACKET, MTU 1500, 1 connection, down"}},
	{load.PingPong, load.PerSecond, "1 byte or 16 KiB there and back, per second", plot.None, 1, []string{
		"memory, 1 byte", "TUN, 1 byte", "AF_PACKET, 1 byte", "memory, 16 KiB", "TUN, 16 KiB", "AF_PACKET, 16 KiB"}},
	{load.Connect, load.PerSecond, "Connect, exchange a byte, close, per second", plot.None, 1, []string{"memory", "TUN", "AF_PACKET"}},
	{load.Idle, load.Resident, "Resident memory of an idle connection's end", plot.Bytes, 1, []string{
		"10000 pairs", "10000 pairs, with blocked readers", "100000 pairs", "100000 pairs, with blocked readers"}},
}

// picture draws the medians; a case that was not measured is left out.
func (r *Results) picture() *plot.Figure {
	f := &plot.Figure{Title: pictureTitle, Note: fmt.Sprintf("medians of %d rounds; on devices the kernel stands on a veth pair", r.Rounds)}
	for _, p := range panels {
		better := func(a, b float64) bool { return a > b }
		if p.figure == load.CPU || p.figure == load.Resident {
			better = func(a, b float64) bool { return a < b }
		}
		bars := &plot.Bars{Title: p.title, Height: 160, Y: plot.Axis{Unit: p.unit}}
		kinds := []plot.Bar{{Name: sides.Usernet}, {Name: sides.GVisor}, {Name: sides.Linux}}
		for _, c := range p.cases {
			if !slices.ContainsFunc(r.Rows, func(row *Row) bool { return row.Part == p.part && row.Case == c && len(row.Runs) > 0 }) {
				continue
			}
			bars.Groups = append(bars.Groups, strings.NewReplacer(", 1 connection", "", "MTU ", "", " with offloads", " offl.",
				"AF_PACKET", "packet", "with blocked readers", "reading").Replace(c))
			for i := range kinds {
				x, known := r.best(p.part, c, p.figure, kinds[i].Name, better)
				if !known {
					x = 0
				}
				kinds[i].Values = append(kinds[i].Values, x*p.scale)
			}
		}
		if len(bars.Groups) > 0 {
			bars.Kinds = kinds
			f.Panels = append(f.Panels, bars)
		}
	}
	return f
}

// best returns the best median of a stack's variants.
func (r *Results) best(part, name, figure, stack string, better func(a, b float64) bool) (best float64, known bool) {
	for _, row := range r.Rows {
		x, measured := row.Median[figure]
		if row.Part != part || row.Case != name || !row.of(stack) || !measured {
			continue
		}
		if !known || better(x, best) {
			best, known = x, true
		}
	}
	return best, known
}

// of says whether a row is of a stack, in whatever variant.
func (r *Row) of(stack string) bool {
	return r.Entry == stack || strings.HasPrefix(r.Entry, stack+"+")
}
