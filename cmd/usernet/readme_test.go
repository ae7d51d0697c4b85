package main

import (
	"os"
	"strings"
	"testing"
)

const readme = "../../README.md"

// The README's first program is the example that the tests run.
func TestReadmeQuotesFirstProgram(t *testing.T) {
	example, err := os.ReadFile("first_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	program := strings.NewReplacer(
		"package main_test\n", "package main\n",
		"func Example_first() {", "func main() {",
		"\t// Output: hello from usernet\n", "",
	).Replace(string(example))
	if !strings.Contains(readText(t), "```go\n"+program+"```\n") {
		t.Errorf("%s does not quote this program:\n%s", readme, program)
	}
	if n := strings.Count(program, "\n") - strings.Count(program, "\n\n"); n > 15 {
		t.Errorf("the first program has %d lines that are not blank, want at most 15", n)
	}
}

// The README shows commands that exist, with flags that they have.
func TestReadmeCommands(t *testing.T) {
	n := 0
	for line := range strings.Lines(readText(t)) {
		_, command, ok := strings.Cut(line, "usernet ")
		if !ok || !strings.HasPrefix(strings.TrimLeft(line, "# $"), "/tmp/usernet") && !strings.Contains(line, "go run ./cmd/usernet") {
			continue
		}
		n++
		command, _, _ = strings.Cut(command, "<")
		args := strings.Fields(strings.TrimSuffix(strings.TrimSpace(command), "&"))
		root, _ := newRoot()
		cmd, rest, err := root.Find(args)
		if err != nil || !cmd.Runnable() {
			t.Errorf("%s: no such command: %v", strings.TrimSpace(line), err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
			continue
		}
		if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	if n < 2 {
		t.Errorf("%d commands found in %s, want 2 or more: can this test still read it?", n, readme)
	}
}

func TestReadmeIsShort(t *testing.T) {
	if n := strings.Count(readText(t), "\n"); n >= 170 {
		t.Errorf("%s has %d lines, want less than 170", readme, n)
	}
}

func readText(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
