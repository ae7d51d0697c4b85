package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/bench/internal/compare"
	"github.com/usernet-go/usernet/bench/internal/load"
	"github.com/usernet-go/usernet/bench/internal/sides"
)

// The test's program is its own sides.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sides.Subcommand {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestCompareUsage(t *testing.T) {
	for _, x := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"-help"}, exitOK, "-stacks names"},
		{[]string{"-cases", "("}, exitUsage, "-cases"},
		{[]string{"-rounds", "0"}, exitUsage, "round"},
		{[]string{"fast"}, exitUsage, "fast"},
		{[]string{"-nothing"}, exitUsage, "-nothing"},
		{[]string{"-stacks", "bsd"}, exitFailure, "no stack"},
		{[]string{"-parts", "speed"}, exitFailure, "no part"},
	} {
		var out, errOut bytes.Buffer
		if status := run(t.Context(), append([]string{"compare"}, x.args...), &out, &errOut); status != x.status || !strings.Contains(errOut.String(), x.says) {
			t.Errorf("%q: status %d, want %d: %s", x.args, status, x.status, &errOut)
		}
	}
	var out, errOut bytes.Buffer
	if status := run(t.Context(), []string{sides.Subcommand}, &out, &errOut); status != exitFailure {
		t.Errorf("a side by itself: status %d", status)
	}
}

func TestCompareJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second of real time")
	}
	var out, errOut bytes.Buffer
	args := []string{"compare", "-stacks", "gvisor,usernet", "-cases", "^pingpong/memory, 1 byte$", "-rounds", "2", "-duration", "100ms", "-json", "-"}
	if status := run(t.Context(), args, &out, &errOut); status != exitOK {
		t.Fatalf("status %d: %s", status, &errOut)
	}
	var r compare.Results
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 3 || r.Versions["go"] == "" || r.Command != "go run ./bench "+strings.Join(args, " ") {
		t.Errorf("read %+v", r)
	}
	for _, row := range r.Rows {
		if len(row.Runs) != 2 || row.Median[load.PerSecond] <= 0 {
			t.Errorf("%+v", row)
		}
	}
}
