package tcp_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/wire"
)

// figureLine is a line of a figure: what stands in the columns of both peers, and between them.
type figureLine struct {
	text    string
	a, b    string // state, "(comment)" or ""
	left    string // arrow beside A, "" in a line without a segment
	right   string // arrow beside B
	seg     wire.TCP
	textLen int // length of the segment's text, or wire.TextUnknown
}

var (
	figureNumber  = regexp.MustCompile(`^\s*\d+\.`)
	figureSegment = regexp.MustCompile(`^(.*?)(-->|<--|\.\.\.)\s*((?:<[A-Z]+(?:=[^>]*)?>)+)\s*(-->|<--|\.\.\.)(.*)$`)
	figureColumn  = regexp.MustCompile(`\S+(?: \S+)*`)
	figureHeader  = "TCP Peer A"
)

// parseFigure reads the lines of a figure; a step of the figure may have several.
func parseFigure(t *testing.T, f figure) []figureLine {
	t.Helper()
	var lines []figureLine
	middle := 0
	for text := range strings.SplitSeq(f.text, "\n") {
		switch {
		case strings.TrimSpace(text) == "":
			continue
		case strings.Contains(text, figureHeader):
			middle = strings.Index(text, "TCP Peer B") / 2
			continue
		}
		l := figureLine{text: strings.TrimSpace(text)}
		if n := figureNumber.FindString(text); n != "" {
			text = strings.Repeat(" ", len(n)) + text[len(n):]
		}
		if m := figureSegment.FindStringSubmatch(text); m != nil {
			l.a, l.left, l.right, l.b = strings.TrimSpace(m[1]), m[2], m[4], strings.TrimSpace(m[5])
			var err error
			if l.seg, l.textLen, err = wire.ParseNotation(f.spellOut(m[3])); err != nil {
				t.Fatalf("%s: %v", l.text, err)
			}
		} else {
			for _, at := range figureColumn.FindAllStringIndex(text, -1) {
				if at[0] < middle {
					l.a = text[at[0]:at[1]]
				} else {
					l.b = text[at[0]:at[1]]
				}
			}
		}
		lines = append(lines, l)
	}
	if middle == 0 || len(lines) == 0 {
		t.Fatalf("%s: this is no figure", f.name)
	}
	return lines
}

// spellOut puts numbers in the place of a figure's letters.
func (f *figure) spellOut(notation string) string {
	for letter, n := range f.numbers {
		notation = strings.ReplaceAll(notation, "="+letter+">", "="+n+">")
	}
	return notation
}
