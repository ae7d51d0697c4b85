package wan

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/usernet-go/usernet/bench/internal/hop"

	"github.com/usernet-go/usernet/bench/internal/report"
)

// A Tail is how long it takes until a message has arrived whose last segments are
// lost once.
type Tail struct {
	Entry    string
	Lost, Of int       // segments
	Times    []float64 // ms, each on a fresh connection
	Median   float64
}

const (
	tailCell    = "100M/20ms/0%"
	tailTimeout = 30 * time.Second
)

// tails are the messages: how many segments are lost, of how many.
var tails = [][2]int{{1, 1}, {1, 10}, {3, 10}}

func (s *session) planTails() {
	c := named(tailCell)
	for _, t := range tails {
		for _, e := range s.entries {
			r := &Tail{Entry: e.String(), Lost: t[0], Of: t[1]}
			s.results.Tails = append(s.results.Tails, r)
			s.jobs = append(s.jobs, job{
				name: fmt.Sprintf("the last %d of %d lost, %v", r.Lost, r.Of, e),
				run: func(ctx context.Context) error {
					w, err := join(&c, 1, e)
					if err != nil {
						return err
					}
					defer w.close()
					for range s.Repeats {
						if err := ctx.Err(); err != nil {
							return err
						}
						var took time.Duration
						for range s.Attempts {
							if took, err = w.tail(r.Lost, r.Of); err != nil {
								return err
							}
							if w.punctual() {
								break
							}
						}
						r.Times = append(r.Times, ms(took))
					}
					r.Median = report.Median(r.Times)
					return nil
				},
			})
		}
	}
}

// tail sends a message over a connection of its own.
func (w *world) tail(lost, of int) (time.Duration, error) {
	w.hop.Restart(1)
	w.hop.DropIf(nil)
	f, err := w.flow(0)
	if err != nil {
		return 0, err
	}
	defer f.close()
	f.to.SetReadDeadline(time.Now().Add(tailTimeout))
	// The byte by which the flow was opened: the connection has seen a round trip of
	// text, and is idle.
	if _, err := io.ReadFull(f.to, make([]byte, f.opened)); err != nil {
		return 0, err
	}
	time.Sleep(idleBefore)
	whole := int64(f.opened + of*segment)
	begin := whole - int64(lost*segment)
	w.hop.DropIf(func(s hop.Segment) bool { return s.Text > 0 && !s.Again && s.To > begin })
	began := time.Now()
	if _, err := f.from.Write(make([]byte, of*segment)); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(f.to, make([]byte, of*segment))
	return time.Since(began), err
}

// idleBefore lets the delayed ACK of what was said before arrive.
const idleBefore = 300 * time.Millisecond
