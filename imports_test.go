package usernet_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/usernet-go/usernet"

// mayImport is the direction of the packages: what each may import of this
// module and of others, the standard library aside. A package that is not listed
// must be added, with its place in the order.
var mayImport = map[string][]string{
	"wire":                   {},
	"tcp":                    {"internal/random", "internal/siphash", "internal/text", "wire"},
	"link":                   {"internal/text", "wire"},
	"link/pipe":              {"link", "wire"},
	"link/packet":            {"internal/yield", "link", "link/internal/vnet", "wire", "golang.org/x/net/bpf", "golang.org/x/sys/unix"},
	"link/tun":               {"internal/text", "internal/yield", "link", "link/internal/flow", "link/internal/vnet", "wire", "golang.org/x/sys/unix"},
	"link/internal/flow":     {"link", "wire"},
	"link/internal/linktest": {"link", "wire", "golang.org/x/sys/unix"},
	"link/internal/vnet":     {"link", "wire"},
	"internal/host":          {"internal/random", "internal/siphash", "internal/text", "internal/yield", "tcp", "wire", "link"},
	"internal/ladder":        {"wire"},
	"internal/pcapng":        {},
	"internal/plot":          {},
	"internal/random":        {"golang.org/x/sys/unix"},
	"internal/siphash":       {},
	"internal/text":          {},
	"internal/yield":         {},
	"sim":                    {".", "internal/ladder", "internal/pcapng", "link", "wire"},
	"dns":                    {"internal/random", "golang.org/x/net/dns/dnsmessage"},
	".":                      {"internal/text", "internal/host", "tcp", "wire", "link", "dns", "golang.org/x/net/dns/dnsmessage"},
}

// withoutNet are the packages that know nothing of package net.
var withoutNet = []string{"wire", "tcp", "link", "internal/host", "dns"}

// heavy are packages that no program shall have to link which only dials.
var heavy = []string{"encoding/json", "log", "log/slog", "net/http", "text/template"}

// modules are all that whoever imports the library may come to depend on.
var modules = []string{"golang.org/x/sys", "golang.org/x/net", "pgregory.net/rapid"}

// clockFiles are all that read the clock: the engine's, which everything above
// and in it is handed the time from, and that of the middleware below it. Beside them
// the scheduler is measured, which decides what runs when in any case.
var clockFiles = []string{"internal/host/clock.go", "link/clock.go", "sim/clock.go", "internal/yield/yield.go"}

// sources calls f for each Go file of the library's module.
func sources(t *testing.T, f func(name string, file *ast.File, fset *token.FileSet)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if name == "." {
				return nil
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
				return filepath.SkipDir // another module, or no package
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f(name, file, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportsPointOneWay(t *testing.T) {
	seen := map[string]bool{}
	sources(t, func(name string, file *ast.File, fset *token.FileSet) {
		dir := path.Dir(name)
		allowed, listed := mayImport[dir]
		test := strings.HasSuffix(name, "_test.go")
		if !listed {
			t.Errorf("%s: package %s is not in this test's list", name, dir)
			return
		}
		seen[dir] = true
		for _, spec := range file.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			at := fset.Position(spec.Pos())
			switch own, isOwn := strings.CutPrefix(p, modulePath); {
			case isOwn && !test:
				if own = path.Clean(strings.TrimPrefix(own, "/")); !slices.Contains(allowed, own) {
					t.Errorf("%v: %s must not import %s", at, dir, p)
				}
			case p == "net" && !test && slices.Contains(withoutNet, dir):
				t.Errorf("%v: %s must not import net", at, dir)
			case slices.Contains(heavy, p) && !test:
				t.Errorf("%v: a program that only dials would link %s", at, p)
			case p == "C":
				t.Errorf("%v: cgo", at)
			case strings.Contains(strings.Split(p, "/")[0], ".") && !isOwn:
				if !test && !slices.Contains(allowed, p) {
					t.Errorf("%v: %s must not import %s", at, dir, p)
				}
				if test && !slices.ContainsFunc(modules, func(m string) bool { return p == m || strings.HasPrefix(p, m+"/") }) {
					t.Errorf("%v: a test of the library must not import %s", at, p)
				}
			}
		}
	})
	for dir := range mayImport {
		if !seen[dir] {
			t.Errorf("package %s is in this test's list, and has no file", dir)
		}
	}
}

// Time is an argument: a second reader of the clock would break virtual time and
// repeatable simulations.
func TestClockIsReadInOnePlace(t *testing.T) {
	found := map[string]bool{}
	sources(t, func(name string, file *ast.File, fset *token.FileSet) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Name != "time" || !slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
				return true
			}
			if found[name] = true; !slices.Contains(clockFiles, name) {
				t.Errorf("%v: time.%s belongs in %s", fset.Position(n.Pos()), sel.Sel.Name, clockFiles[0])
			}
			return true
		})
	})
	for _, name := range clockFiles {
		if !found[name] {
			t.Errorf("%s does not call time.Now: has the clock moved?", name)
		}
	}
}

func TestModuleRequiresLittle(t *testing.T) {
	data, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	inBlock, n := false, 0
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
			continue
		case inBlock && f[0] == ")":
			inBlock = false
			continue
		case f[0] == "require" && len(f) == 2 && f[1] == "(":
			inBlock = true
			continue
		case f[0] == "require":
			f = f[1:]
		case f[0] == "replace" || f[0] == "tool":
			t.Errorf("go.mod of the library: %s", strings.TrimSpace(line))
			continue
		case !inBlock:
			continue
		}
		n++
		if !slices.Contains(modules, f[0]) {
			t.Errorf("go.mod requires %s: whoever imports the library would import it too", f[0])
		}
	}
	if n == 0 {
		t.Error("no requirement found: can this test still read go.mod?")
	}
}
