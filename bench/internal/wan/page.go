package wan

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/usernet-go/usernet/bench/internal/report"
)

// WritePage writes the results as a page and a picture to a directory.
func (r *Results) WritePage(dir string) error {
	var page, picture bytes.Buffer
	fmt.Fprintf(&page, `# usernet on bad networks

This page was made by `+"`go run ./bench wan -write docs`"+`, as root: %s.

%s

![Goodput over loss, for all rates, round trips and stacks](wan.svg)

`, strings.Join(r.Entries, ", "), r.about())
	r.Write(&page)
	r.draw(&picture)
	for name, b := range map[string]*bytes.Buffer{"wan.md": &page, "wan.svg": &picture} {
		if err := os.WriteFile(filepath.Join(dir, name), append(bytes.TrimSpace(b.Bytes()), '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// about says how and on what was measured.
func (r *Results) about() string {
	s := `All send over the same paths with the same losses, in one run and in real time: the emulator is ` + "`link.Carrier`" + `, that of
package sim. For the kernel it stands between TUN devices of two network namespaces, whose offloads are off, so that
each packet has a fate of its own; for usernet and gVisor between two stacks in memory. Packets have 1500 bytes; buffers
may grow to 32 MiB; what goes wrong does so on the way of the data. A path's name is its rate, its round trip and what is
special about it: a share of packets that are lost, in bursts of 5 (1%), a queue of a tenth or of ten products of rate and
round trip instead of one, 2% of packets overtaken by those within 10 ms, up to 10 ms of jitter, CoDel with marks. gVisor
has SACK, RACK and buffers that tune themselves, and no bbr; Linux has version 1 of bbr.`
	var versions []string
	for _, name := range []string{"go", "kernel", "gvisor"} {
		if v := r.Versions[name]; v != "" {
			versions = append(versions, name+" "+v)
		}
	}
	s += fmt.Sprintf("\n\n%s; %s; %s, in %v.", r.Began.Format("2 January 2006"), r.Machine, strings.Join(versions, ", "),
		r.Took.Round(time.Second))
	if len(r.Grid) > 0 {
		s += " " + r.punctuality()
	}
	return s
}

// punctuality says how far the machine let the paths be what they should.
func (r *Results) punctuality() string {
	var late []float64
	for _, row := range r.Grid {
		for _, t := range row.Runs {
			late = append(late, t.Late)
		}
	}
	return fmt.Sprintf("Of %d transfers, 99 of 100 packets were late by at most %.2f ms in half of them, and by %.2f ms in nine of ten; "+
		"%d were late each time that they were measured (more than 1 ms, or 5 ms for 999 of 1000).",
		len(late), report.Median(late), report.Quantile(late, 0.9), r.Late)
}
