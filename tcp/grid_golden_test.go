package tcp

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

const gridFile = "testdata/grid.golden"

// updating says that golden files are to be written anew.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

const gridHead = "cell                  algorithm  Mbit/s   sent resent spurious dropped  wait  most  ACKs  1MB   most"

// row is a line of the golden file: gridHead, with times in ms.
func (j gridJob) row() string {
	return fmt.Sprintf("%-21s %-9s %7.2f %6d %6d %8d %7d %5.0f %5.0f  %.2f %5d %6d", j.cell.name, j.algorithm.Name, j.goodput, j.sent, j.resent,
		j.spurious, j.dropped, j.wait.Seconds()*1e3, j.most.Seconds()*1e3, j.acks, j.median.Milliseconds(), j.max.Milliseconds())
}

// goldenGrid compares each row with the golden file. On machines that round
// otherwise, because they multiply and add at once, the algorithms come to other
// figures; there it is enough that all runs come to an end.
func goldenGrid(t *testing.T, jobs []gridJob) {
	if briefly() {
		// A part of them, that does not take long.
		var some []gridJob
		for _, j := range jobs {
			if strings.HasPrefix(j.cell.name, "10M/40ms/") {
				some = append(some, j)
			}
		}
		jobs = some
	}
	runJobs(jobs)
	lines := []string{gridHead}
	for i := range jobs {
		if jobs[i].err != nil {
			t.Fatal(jobs[i].err)
		}
		lines = append(lines, jobs[i].row())
	}
	if updating() {
		writeGrid(t, strings.Join(lines, "\n")+"\n")
		return
	}
	if runtime.GOARCH != "amd64" {
		return
	}
	golden := make(map[string]string)
	for _, r := range readGrid(t) {
		golden[r.cell+" "+r.algorithm] = r.line
	}
	different := 0
	for _, line := range lines[1:] {
		r := parseGrid(t, line)
		if want := golden[r.cell+" "+r.algorithm]; want != line {
			if different++; different <= 20 {
				t.Errorf("\nwas %s\nis  %s", want, line)
			}
		}
	}
	if different > 0 {
		t.Errorf("%d of %d rows differ; if that is what was wanted: go test ./tcp -run 'TestGrid$' -update", different, len(jobs))
	}
	if !briefly() && len(golden) != len(jobs) {
		t.Errorf("%s has %d rows, the grid %d", gridFile, len(golden), len(jobs))
	}
}

// gridRow is a line of the golden file.
type gridRow struct {
	cell, algorithm, line string
	rate, rtt, special    string // of which the cell's name consists
	goodput, wait         float64
	resent, spurious      int
	completion            int // ms
}

func parseGrid(t *testing.T, line string) (r gridRow) {
	f := strings.Fields(line)
	if len(f) != 12 {
		t.Fatalf("%s: %q has %d fields", gridFile, line, len(f))
	}
	r.cell, r.algorithm, r.line = f[0], f[1], line
	name := strings.SplitN(f[0], "/", 3)
	r.rate, r.rtt, r.special = name[0], name[1], name[2]
	number := func(s string) float64 {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("%s: %q: %v", gridFile, line, err)
		}
		return x
	}
	r.goodput, r.resent, r.spurious, r.wait, r.completion = number(f[2]), int(number(f[4])), int(number(f[5])), number(f[7]), int(number(f[10]))
	return r
}

// readGrid returns the rows of the golden file.
func readGrid(t *testing.T) (rows []gridRow) {
	b, err := os.ReadFile(gridFile)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if i > 0 {
			rows = append(rows, parseGrid(t, line))
		}
	}
	return rows
}

func writeGrid(t *testing.T, golden string) {
	if err := os.WriteFile(gridFile, []byte(golden), 0o644); err != nil {
		t.Fatal(err)
	}
}
