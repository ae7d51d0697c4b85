package tcp

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The page with the grid's table, which stands between two marks, and its picture.
const (
	gridPage  = "../docs/loss.md"
	gridSVG   = "../docs/grid.svg"
	gridBegin = "<!-- The table is made by go test ./tcp -run TestGrid$ -update -->\n"
	gridEnd   = "<!-- End of the table -->\n"
)

// gridPageIs holds table and picture in the docs to the golden file.
func gridPageIs(t *testing.T) {
	rows := readGrid(t)
	page := readDoc(t, gridPage)
	head, rest, ok := strings.Cut(page, gridBegin)
	_, foot, ok2 := strings.Cut(rest, gridEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has not the marks of the table", gridPage)
	}
	table, svg := gridTable(rows), gridPicture(rows)
	if updating() {
		for name, text := range map[string]string{gridPage: head + gridBegin + table + gridEnd + foot, gridSVG: svg} {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if page != head+gridBegin+table+gridEnd+foot {
		t.Errorf("the table of %s is not that of %s: go test ./tcp -run TestGrid$ -update", gridPage, gridFile)
	}
	if readDoc(t, gridSVG) != svg {
		t.Errorf("%s is not that of %s: go test ./tcp -run TestGrid$ -update", gridSVG, gridFile)
	}
}

func readDoc(t *testing.T, name string) string {
	b, err := os.ReadFile(name)
	if err != nil && !updating() {
		t.Fatal(err)
	}
	return string(b)
}

// gridTable is the golden file for readers: a row for each cell.
func gridTable(rows []gridRow) string {
	var algorithms, cells []string
	of := make(map[string]gridRow)
	for _, r := range rows {
		algorithms, cells = addOnce(algorithms, r.algorithm), addOnce(cells, r.cell)
		of[r.cell+" "+r.algorithm] = r
	}
	var b strings.Builder
	b.WriteString("| path |")
	for _, a := range algorithms {
		fmt.Fprintf(&b, " %s: Mbit/s | resent (needlessly) | wait, ms | 1 MB, ms |", a)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|---:|---:|---:|", len(algorithms)) + "\n")
	for _, c := range cells {
		fmt.Fprintf(&b, "| %s |", c)
		for _, a := range algorithms {
			r := of[c+" "+a]
			needless := ""
			if r.spurious > 0 {
				needless = fmt.Sprintf(" (%d)", r.spurious)
			}
			fmt.Fprintf(&b, " %.1f | %d%s | %.0f | %d |", r.goodput, r.resent, needless, r.wait, r.completion)
		}
		b.WriteString("\n")
	}
	return b.String()
}
