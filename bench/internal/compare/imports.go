package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usernet-go/usernet/bench/internal/report"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

// A Program is the smallest one with a stack: what an import costs.
type Program struct {
	Stack          string
	Packages       int           // that are linked, the standard library's included
	Modules        int           // that they are from
	Size, Stripped int64         // bytes
	Build          time.Duration `json:",omitempty"` // with nothing built before
	Lines          int           // of its source, without empty ones and comments
}

const programs = "github.com/usernet-go/usernet/bench/internal/programs/"

// measureImports builds the programs. It needs the go command and the source, as go run
// has them.
func measureImports(ctx context.Context, o Options) (all []Program, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, stack := range o.Stacks {
		if stack == sides.Copies {
			continue // it is no package
		}
		fmt.Fprintf(o.Progress, "%s: %s\n", Import, stack)
		p, err := measureImport(ctx, stack, dir, !o.Short)
		if err != nil {
			return all, fmt.Errorf("the program with %s: %w", stack, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func measureImport(ctx context.Context, stack, dir string, cold bool) (p Program, err error) {
	p.Stack = stack
	name := programs + map[string]string{sides.Linux: "kernel"}[stack]
	if stack != sides.Linux {
		name += stack
	}
	deps, err := goCommand(ctx, nil, "list", "-deps", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}", name)
	if err != nil {
		return p, err
	}
	p.Packages, p.Modules = countDeps(deps)
	source, err := goCommand(ctx, nil, "list", "-f", "{{.Dir}}", name)
	if err != nil {
		return p, err
	}
	if p.Lines, err = countLines(filepath.Join(strings.TrimSpace(source), "main.go")); err != nil {
		return p, err
	}
	program := filepath.Join(dir, path.Base(name))
	var environment []string
	if cold {
		environment = []string{"GOCACHE=" + filepath.Join(dir, "cache-"+stack)}
	}
	began := time.Now()
	if _, err := goCommand(ctx, environment, "build", "-o", program, name); err != nil {
		return p, err
	}
	if cold {
		p.Build = time.Since(began)
	}
	if p.Size, err = size(program); err != nil {
		return p, err
	}
	if _, err := goCommand(ctx, environment, "build", "-ldflags=-s -w", "-o", program, name); err != nil {
		return p, err
	}
	p.Stripped, err = size(program)
	return p, err
}

// countDeps counts packages and the modules of others among go list's lines.
func countDeps(lines string) (packages, modules int) {
	var names []string
	for line := range strings.Lines(lines) {
		packages++
		if _, module, _ := strings.Cut(strings.TrimSpace(line), " "); module != "" && !strings.HasSuffix(module, "/bench") {
			names = append(names, module)
		}
	}
	slices.Sort(names)
	return packages, len(slices.Compact(names))
}

// countLines counts the lines of a file that are neither empty nor comments.
func countLines(name string) (n int, err error) {
	b, err := os.ReadFile(name)
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			n++
		}
	}
	return n, err
}

func size(file string) (int64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func goCommand(ctx context.Context, environment []string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "go", args...)
	c.Env = append(os.Environ(), environment...)
	var errOut bytes.Buffer
	c.Stderr = &errOut
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, bytes.TrimSpace(errOut.Bytes()))
	}
	return string(out), nil
}

func (r *Results) writePrograms(w io.Writer) {
	if len(r.Programs) == 0 {
		return
	}
	fmt.Fprintf(w, "## What an import costs\n\nThe smallest program that dials over TUN, or with package net; errors are left out in all. "+
		"Modules are those that have a package in the program; the build begins with an empty cache.\n\n")
	var t report.Table
	t.Add("stack", "packages", "modules", "MB", "MB stripped", "s to build", "lines")
	for _, p := range r.Programs {
		build := ""
		if p.Build > 0 {
			build = fmt.Sprintf("%.1f", p.Build.Seconds())
		}
		t.Add(p.Stack, fmt.Sprint(p.Packages), fmt.Sprint(p.Modules), fmt.Sprintf("%.2f", float64(p.Size)/1e6), fmt.Sprintf("%.2f", float64(p.Stripped)/1e6),
			build, fmt.Sprint(p.Lines))
	}
	t.Write(w)
	fmt.Fprintln(w)
}
