package wan

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/usernet-go/usernet/bench/internal/hop"

	"github.com/usernet-go/usernet/bench/internal/report"
)

// A Download is many of 100 KiB on one path, a connection each, one after the other.
type Download struct {
	Cell, Entry   string
	Times         []float64 // ms from dialling to the last byte, of those whose handshake lost nothing
	LostSYN       int       // how many lost a SYN, and are not among Times
	P50, P90, P99 float64
}

const (
	downloadSize    = 100 << 10
	downloadTimeout = 2 * time.Minute
	// downloadSets is how many share the downloads of a path and an entry, at a time
	// and each with a path of its own.
	downloadSets = 4
)

// downloadCells are the paths.
var downloadCells = []string{"100M/20ms/0%", "100M/20ms/1%", "100M/100ms/1%", "100M/40ms/reorder2%"}

func (s *session) planDownloads() {
	for _, name := range downloadCells {
		c := named(name)
		if s.Cells != nil && !s.Cells.MatchString(c.Name) {
			continue
		}
		for _, e := range s.entries {
			d := &Download{Cell: c.Name, Entry: e.String()}
			s.results.Downloads = append(s.results.Downloads, d)
			for set := range downloadSets {
				s.jobs = append(s.jobs, job{
					name:   fmt.Sprintf("downloads, %s, %v", c.Name, e),
					weight: downloadSize * 8 / mbit / (5 * c.RTT.Seconds()),
					run: func(ctx context.Context) error {
						return s.download(ctx, &c, e, d, set)
					},
				})
			}
		}
	}
}

// download runs every downloadSets-th download, from that on.
func (s *session) download(ctx context.Context, c *Cell, e Entry, d *Download, from int) error {
	w, err := join(c, 1, e)
	if err != nil {
		return err
	}
	defer w.close()
	for i := from; i < s.Downloads; i += downloadSets {
		if err := ctx.Err(); err != nil {
			return err
		}
		var took time.Duration
		for range s.Attempts {
			if took, err = w.download(uint64(1000 + i)); err != nil {
				return fmt.Errorf("download %d: %w", i, err)
			}
			if w.punctual() {
				break
			}
		}
		lost := w.hop.Stats()
		s.mu.Lock()
		if lost.Ways[hop.Forth].LostSYN+lost.Ways[hop.Back].LostSYN > 0 {
			d.LostSYN++
		} else {
			d.Times = append(d.Times, ms(took))
		}
		d.P50, d.P90, d.P99 = report.Quantile(d.Times, 0.5), report.Quantile(d.Times, 0.9), report.Quantile(d.Times, 0.99)
		s.mu.Unlock()
	}
	return nil
}

// punctual says whether the hop was, for the few packets since its restart.
func (w *world) punctual() bool {
	late := w.hop.Stats().Late
	return late.Max() <= 3*time.Millisecond
}

// download has host 1 get what host 0 sends to each who connects.
func (w *world) download(seed uint64) (time.Duration, error) {
	w.hop.Restart(seed)
	p := w.pairs[0]
	sent := make(chan error, 1)
	var from net.Conn
	go func() {
		var err error
		if from, err = p.Host(0).Listener().Accept(); err == nil {
			_, err = from.Write(make([]byte, downloadSize))
		}
		sent <- err
	}()
	began := time.Now()
	to, err := p.Host(1).Dial()
	if err != nil {
		return 0, err
	}
	to.SetReadDeadline(began.Add(downloadTimeout))
	_, err = io.ReadFull(to, make([]byte, downloadSize))
	took := time.Since(began)
	if err != nil {
		reset(to)
		return 0, err
	}
	err = <-sent
	reset(to)
	reset(from)
	return took, err
}
