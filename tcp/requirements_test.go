package tcp_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/requirements.md")

// A test names the requirements that it shows on a comment line of its own, above or inside the test function:
//
//	// RFC 9293 MUST-13, SHLD-4
//
// Such a line lives and dies with its test, and any package can have one. A line that begins like one and cannot be
// read is an error, and so is a number that the table does not have.
var (
	namesRequirements = regexp.MustCompile(`^RFC 9293 ((?:MUST|SHLD)-\d+(?:, (?:MUST|SHLD)-\d+)*)$`)
	looksLikeNames    = regexp.MustCompile(`^RFC 9293,? (?:MUST|SHLD)-`)
)

// shownBy is a test that names a requirement.
type shownBy struct {
	file string // slash-separated, from the root of the repository
	test string
}

// TestRequirements holds docs/requirements.md to the tests: each MUST and SHOULD of RFC 9293, Appendix B, is shown by a
// test that names it, or the table says why not. To write the file anew:
//
//	go test ./tcp -run TestRequirements -update
func TestRequirements(t *testing.T) {
	checkTable(t)
	shown := findTests(t, "..")
	for _, r := range requirements {
		if len(shown[r.id]) == 0 && r.deviates == "" && r.addressee == "" {
			t.Errorf("%s (%s) is shown by no test: %s", r.id, r.section, r.what)
		}
		delete(shown, r.id)
	}
	for id, tests := range shown {
		t.Errorf("%v: RFC 9293 has no %s", tests, id)
	}

	const file = "../docs/requirements.md"
	want := renderRequirements(findTests(t, ".."))
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, want, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/requirements.md is stale: go test ./tcp -run TestRequirements -update")
	}
}

// checkTable checks that the table has each number of the appendix once: MUST-1 to MUST-69, SHLD-1 to SHLD-31.
func checkTable(t *testing.T) {
	t.Helper()
	var want []string
	for i := 1; i <= 69; i++ {
		want = append(want, fmt.Sprintf("MUST-%d", i))
	}
	for i := 1; i <= 31; i++ {
		want = append(want, fmt.Sprintf("SHLD-%d", i))
	}
	var got []string
	for _, r := range requirements {
		got = append(got, r.id)
		if r.section == "" || r.level == "" || r.what == "" {
			t.Errorf("%s: entry is not complete", r.id)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("table has %v, want %v", got, want)
	}
}

// findTests returns the tests of the repository that name a requirement, by requirement, in the order of their files.
func findTests(t *testing.T, root string) map[string][]shownBy {
	t.Helper()
	shown := make(map[string][]shownBy)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return addTests(shown, path, filepath.ToSlash(rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// addTests adds to shown the requirements that the tests of one file name.
func addTests(shown map[string][]shownBy, path, name string) error {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, group := range f.Comments {
		for _, comment := range group.List {
			line := strings.TrimSpace(strings.TrimPrefix(comment.Text, "//"))
			if !looksLikeNames.MatchString(line) {
				continue
			}
			at := fset.Position(comment.Pos()).Line
			m := namesRequirements.FindStringSubmatch(line)
			if m == nil {
				return fmt.Errorf("%s:%d: want \"// RFC 9293 MUST-n, SHLD-n\", have %q", name, at, line)
			}
			test := testAround(f, comment.Pos())
			if test == "" {
				return fmt.Errorf("%s:%d: %q stands outside of a test", name, at, line)
			}
			for id := range strings.SplitSeq(m[1], ", ") {
				if by := (shownBy{name, test}); !slices.Contains(shown[id], by) {
					shown[id] = append(shown[id], by)
				}
			}
		}
	}
	return nil
}

// testAround returns the name of the test whose text or doc comment pos lies in, "" if there is none.
func testAround(f *ast.File, pos token.Pos) string {
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") || fn.Name.Name == "TestMain" {
			continue
		}
		from := fn.Pos()
		if fn.Doc != nil {
			from = fn.Doc.Pos()
		}
		if from <= pos && pos < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

// renderRequirements returns docs/requirements.md.
func renderRequirements(shown map[string][]shownBy) []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Generated: go test ./tcp -run TestRequirements -update -->\n\n# The requirements of RFC 9293\n\n" +
		"Appendix B of the RFC numbers what a TCP must and should do. Each entry names the tests that show it; a test fails\n" +
		"when one has none, or when this page is stale. Where we deviate, the entry says why.\n\n" +
		"| requirement | section | level | what | shown by |\n|---|---|---|---|---|\n")
	for _, r := range requirements {
		var cell []string
		if r.deviates != "" {
			cell = append(cell, "**Deviates:** "+r.deviates)
		}
		if r.addressee != "" {
			cell = append(cell, "Binds "+r.addressee+".")
		}
		for _, by := range shown[r.id] {
			cell = append(cell, fmt.Sprintf("[%s](../%s)", by.test, by.file))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.id, r.section, r.level, r.what, strings.Join(cell, " "))
	}
	return b.Bytes()
}
