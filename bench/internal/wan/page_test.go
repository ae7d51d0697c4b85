package wan

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The picture is XML, and has a dot for each figure.
func TestPicture(t *testing.T) {
	r := results()
	var b bytes.Buffer
	r.draw(&b)
	dots := 0
	d := xml.NewDecoder(&b)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			dots++
		}
	}
	if dots != len(r.Grid) {
		t.Errorf("%d dots for %d rows", dots, len(r.Grid))
	}
}

func TestPage(t *testing.T) {
	dir := t.TempDir()
	r := results()
	r.Versions = map[string]string{"kernel": "6.18"}
	if err := r.WritePage(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "wan.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"](wan.svg)", "kernel 6.18", "## Goodput", "## Targets", "99 of 100 packets"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "wan.svg")); err != nil {
		t.Error(err)
	}
	if err := r.WritePage(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("to a directory that is not there: %v", err)
	}
}
