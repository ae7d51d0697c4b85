package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet/internal/ladder"
)

// copyBuffer is how many bytes are read and written at once.
const copyBuffer = 128 << 10

// save writes the body of a response to where it belongs.
func (g *getting) save(ctx context.Context, response *http.Response, out, errOut io.Writer) (err error) {
	d := download{total: response.ContentLength, began: time.Now()}
	toFile := g.output != "" && g.output != "-"
	if toFile {
		f, err := os.Create(g.output)
		if err != nil {
			return err
		}
		defer f.Close()
		d.file, out = f, f
	}
	// On a terminal that shows the text itself, progress would be in its way.
	if toFile || !isTerminal(out) {
		defer startProgress(errOut, d.line).stop()
	}
	_, err = io.CopyBuffer(&countingWriter{out, &d.came}, onlyReader{response.Body}, make([]byte, copyBuffer))
	if err == nil && toFile {
		err = d.file.Close()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = errInterrupted
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the server has closed the connection")
	}
	return d.partial(err)
}

// An onlyReader hides what else a reader can do, so that each piece is counted.
type onlyReader struct{ io.Reader }

// A download is how far a transfer is.
type download struct {
	came  atomic.Int64 // bytes
	total int64        // bytes, or -1 when the server does not say
	began time.Time
	file  *os.File // nil for the standard output
}

// line is the progress: how much has come, how fast, and how long the rest takes
// at that rate.
func (d *download) line() string {
	came, took := d.came.Load(), time.Since(d.began)
	rate := float64(came) / max(took.Seconds(), 1e-3) // bytes a second
	s := ladder.FormatBytes(came)
	if d.total > 0 {
		s += fmt.Sprintf(" of %s, %d%%", ladder.FormatBytes(d.total), came*100/d.total)
	}
	s += fmt.Sprintf(", %s/s", ladder.FormatBytes(int64(rate)))
	if left := float64(d.total-came) / rate; d.total > 0 && left < math.MaxInt32 {
		s += fmt.Sprintf(", %v left", time.Duration(math.Ceil(left))*time.Second)
	}
	return s
}

// partial says of a transfer that failed how much has come, and where it is.
func (d *download) partial(err error) error {
	s := fmt.Sprintf("%d bytes came", d.came.Load())
	if d.total >= 0 {
		s = fmt.Sprintf("%d of %d bytes came", d.came.Load(), d.total)
	}
	if d.file != nil {
		s += ", which are in " + d.file.Name()
	}
	return fmt.Errorf("%s: %w", s, err)
}
