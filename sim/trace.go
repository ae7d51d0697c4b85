package sim

import (
	"strconv"
	"strings"
	"time"

	"github.com/usernet-go/usernet/link"
)

// A fate is what becomes of a packet on a way.
type fate struct {
	link.Fate
	cut    bool // the path was cut
	picked bool // by the path's Drop
}

// lost says that the packet does not arrive.
func (f *fate) lost() bool { return f.cut || f.picked || f.Outcome != link.Arrives }

// loss says why the packet does not arrive.
func (f *fate) loss() string {
	switch {
	case f.cut:
		return "cut"
	case f.picked:
		return "picked"
	}
	return f.Outcome.String()
}

// appendMarks appends what is out of the ordinary with a packet that arrives, each
// behind a comma.
func (f *fate) appendMarks(b []byte) []byte {
	for _, mark := range [...]struct {
		set  bool
		name string
	}{{f.Corrupt, "corrupt"}, {f.Twice, "twice"}, {f.Reordered, "reordered"}, {f.Marked, "marked"}} {
		if mark.set {
			b = append(append(b, ", "...), mark.name...)
		}
	}
	return b
}

// remark returns all that is out of the ordinary; "" when the packet just arrives.
func (f *fate) remark() string {
	if f.lost() {
		return f.loss()
	}
	return strings.TrimPrefix(string(f.appendMarks(nil)), ", ")
}

// The widths of a trace's columns. What is wider pushes the rest of its line to
// the right.
const (
	secondsWidth = len("3600.000000000")
	wayWidth     = len("client > server #1000")
	packetWidth  = len("10.0.0.1:49152 > 10.0.0.2:80 <SEQ=4000000000><ACK=4000000000><CTL=PSH,ACK><DATA=1448>")
)

// appendTrace appends a packet's line: when it was sent, in seconds since the given
// instant, where it goes, its number on that way, what it is and what becomes of
// it.
func appendTrace(b []byte, since time.Time, p *Packet, f fate) []byte {
	var room [32]byte
	sent := appendSeconds(room[:0], p.Time.Sub(since))
	b = append(appendSpaces(b, secondsWidth-len(sent)), sent...)
	b = append(b, "  "...)

	start := len(b)
	b = append(b, p.From...)
	b = append(b, " > "...)
	b = append(b, p.To...)
	b = append(b, " #"...)
	b = strconv.AppendUint(b, p.Number, 10)
	b = appendSpaces(b, max(start+wayWidth-len(b), 0)+2)

	start = len(b)
	b = p.append(b)
	b = appendSpaces(b, max(start+packetWidth-len(b), 0)+2)

	if f.lost() {
		b = append(b, f.loss()...)
	} else {
		b = appendSeconds(append(b, "arrives at "...), f.At.Sub(since))
		b = f.appendMarks(b)
	}
	return append(b, '\n')
}

// appendSeconds appends d in seconds, with nanoseconds.
func appendSeconds(b []byte, d time.Duration) []byte {
	if d < 0 {
		b, d = append(b, '-'), -d
	}
	b = strconv.AppendInt(b, int64(d/time.Second), 10)
	point := len(b)
	b = strconv.AppendInt(b, int64(time.Second+d%time.Second), 10) // a 1 in the place of the point
	b[point] = '.'
	return b
}

// appendSpaces appends n spaces; none when n is negative.
func appendSpaces(b []byte, n int) []byte {
	for range n {
		b = append(b, ' ')
	}
	return b
}
