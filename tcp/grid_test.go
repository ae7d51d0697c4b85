package tcp

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	gridOnly  = flag.String("cell", "", "TestGrid: a regular expression for the names of cells; prints their rows")
	gridCC    = flag.String("cc", "", "TestGrid: a regular expression for the names of algorithms")
	gridSeeds = flag.Int("seeds", 1, "TestGrid: with -cell or -cc, how many seeds, each a row")
	gridFirst = flag.Uint64("from", 1, "TestGrid: the first of the seeds")
	gridPlot  = flag.String("plot", "", "TestGrid: with -cell and -cc, a file for the course of the last run, as CSV")
)

// gridTime is how long a flow lasts whose goodput is measured, with its handshake
// and slow start; gridSize what a flow brings whose time is measured, and
// gridDownloads how many of them there are.
const (
	gridTime      = 8 * time.Second
	gridSize      = 1_000_000
	gridDownloads = 7
)

// gridResult is what one cell does with one algorithm.
type gridResult struct {
	goodput     float64 // Mbit/s of text
	sent        int     // packets with text, those that were sent again too
	resent      int     // packets
	spurious    int     // of the resent: those whose bytes arrived, or had arrived, otherwise
	dropped     int     // packets, by a full queue or CoDel
	wait, most  time.Duration
	acks        float64       // ACKs for each packet with text that has arrived
	median, max time.Duration // until a download is complete, from its SYN on
}

// runGrid runs a cell with an algorithm.
func runGrid(c gridCell, algorithm *Algorithm, seed uint64, watch func(*gridFlow)) (r gridResult) {
	n := c.net(seed)
	n.watch = watch
	f := n.add(algorithm, c.maxSegment, 0, 0)
	n.run(n.now.Add(gridTime))
	r.goodput = float64(f.read) * 8 / gridTime.Seconds() / 1e6
	r.sent, r.resent, r.spurious, r.dropped = len(f.first)+len(f.again), len(f.again), f.spurious(), f.overflow
	r.wait, r.most = n.waits.mean(), n.waits.most
	r.acks = float64(f.acks) / float64(max(1, f.arrived))
	var times []time.Duration
	downloads := uint64(gridDownloads)
	if !c.chance() {
		downloads = 1
	}
	for i := range downloads {
		n := c.net(seed*1000 + i)
		f := n.add(algorithm, c.maxSegment, gridSize, 0)
		begin := n.now
		n.run(begin.Add(24 * time.Hour)) // a burst of losses may take some timeouts
		if f.done.IsZero() {
			panic(unfit("a download has not come to its end"))
		}
		times = append(times, f.done.Sub(begin))
	}
	slices.Sort(times)
	r.median, r.max = times[len(times)/2], times[len(times)-1]
	return r
}

// TestGrid prints what algorithms make of paths, when it is told of which, and
// otherwise holds what they make of all of them to the golden file.
//
//	go test ./tcp -run 'TestGrid$' -v -cell '100M/100ms/1%' -cc bbr
//	go test ./tcp -run 'TestGrid$' -v -cell '100M/20ms/0%$' -cc cubic -seeds 5 -plot /tmp/course.csv
//	go test ./tcp -run 'TestGrid$' -update
func TestGrid(t *testing.T) {
	jobs := gridJobs(*gridOnly, *gridCC)
	if *gridOnly == "" && *gridCC == "" {
		if *gridSeeds > 1 || *gridPlot != "" {
			t.Fatal("-seeds and -plot are for some cells: -cell, -cc")
		}
		goldenGrid(t, jobs)
		gridPageIs(t)
		return
	}
	runJobs(jobs)
	b := []string{gridHead}
	for i, j := range jobs {
		if j.err != nil {
			t.Error(j.err)
			continue
		}
		b = append(b, j.row())
		if n := *gridSeeds; n > 1 && i%n == n-1 {
			b = append(b, medianJob(jobs[i+1-n:i+1]).row()+"  median")
		}
	}
	t.Log("\n" + strings.Join(b, "\n"))
	if *gridPlot != "" && len(jobs) > 0 {
		if err := plotGrid(*gridPlot, jobs[len(jobs)-1]); err != nil {
			t.Error(err)
		}
	}
}

// gridJobs are the runs of the cells and algorithms whose names match.
func gridJobs(cells, algorithms string) (jobs []gridJob) {
	only, cc := regexp.MustCompile(cells), regexp.MustCompile(algorithms)
	for _, c := range gridCells() {
		for _, a := range builtins {
			for s := range uint64(*gridSeeds) {
				if only.MatchString(c.name) && cc.MatchString(a.Name) {
					jobs = append(jobs, gridJob{cell: c, algorithm: a, seed: *gridFirst + s})
				}
			}
		}
	}
	return jobs
}

// medianJob is the medians of many seeds.
func medianJob(jobs []gridJob) gridJob {
	m := jobs[0]
	median(jobs, func(j *gridJob) *float64 { return &j.goodput }, &m)
	median(jobs, func(j *gridJob) *int { return &j.sent }, &m)
	median(jobs, func(j *gridJob) *int { return &j.resent }, &m)
	median(jobs, func(j *gridJob) *int { return &j.spurious }, &m)
	median(jobs, func(j *gridJob) *int { return &j.dropped }, &m)
	median(jobs, func(j *gridJob) *time.Duration { return &j.wait }, &m)
	median(jobs, func(j *gridJob) *time.Duration { return &j.most }, &m)
	median(jobs, func(j *gridJob) *float64 { return &j.acks }, &m)
	median(jobs, func(j *gridJob) *time.Duration { return &j.median }, &m)
	median(jobs, func(j *gridJob) *time.Duration { return &j.max }, &m)
	return m
}

func median[T cmp.Ordered](jobs []gridJob, field func(*gridJob) *T, to *gridJob) {
	var all []T
	for i := range jobs {
		all = append(all, *field(&jobs[i]))
	}
	slices.Sort(all)
	*field(to) = all[len(all)/2]
}

type gridJob struct {
	cell      gridCell
	algorithm *Algorithm
	seed      uint64
	gridResult
	err error
}

func (j *gridJob) run(watch func(*gridFlow)) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case unfit:
			j.err = fmt.Errorf("-cell '%s$' -cc '%s$' -from %d: %s", j.cell.name, j.algorithm.Name, j.seed, string(p))
		default:
			panic(p)
		}
	}()
	j.gridResult = runGrid(j.cell, j.algorithm, j.seed, watch)
}

// runJobs runs the jobs on all processors.
func runJobs(jobs []gridJob) {
	var wg sync.WaitGroup
	next := make(chan *gridJob)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range next {
				j.run(nil)
			}
		})
	}
	for i := range jobs {
		next <- &jobs[i]
	}
	close(next)
	wg.Wait()
}

// plotGrid writes the course of a run: a line each time that its sender has heard
// or said something.
func plotGrid(name string, j gridJob) (err error) {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errorsFirst(err, out.Close()) }()
	w := bufio.NewWriter(out)
	fmt.Fprintln(w, "seconds,una,nxt,sent again from,cwnd,ssthresh,flight,pacing,srtt ms,rto ms,recovering,queue ms,resent")
	var start time.Time
	var last *gridNet
	var again int
	j.run(func(f *gridFlow) {
		if last == nil {
			last, start = f.net, f.net.now
		}
		i := f.from.Info()
		resent := ""
		if again < len(f.again) {
			resent = fmt.Sprint(f.again[again].start)
			again = len(f.again)
		}
		fmt.Fprintf(w, "%.6f,%d,%d,%s,%d,%d,%d,%d,%.3f,%.3f,%d,%.3f,%d\n", f.net.now.Sub(start).Seconds(), i.SndUna.Sub(f.iss.Add(1)), f.top, resent,
			i.Cwnd, i.Ssthresh, i.Flight, i.PacingRate, i.SRTT.Seconds()*1e3, i.RTO.Seconds()*1e3, b2i(i.Recovering),
			max(0, f.net.idle.Sub(f.net.now)).Seconds()*1e3, len(f.again))
	})
	if j.err != nil {
		return j.err
	}
	return w.Flush()
}

func errorsFirst(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
