package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/bench/internal/wan"
)

func TestUsage(t *testing.T) {
	for _, x := range []struct {
		args   []string
		status int
		says   string
	}{
		{nil, exitUsage, "Usage"},
		{[]string{"lan"}, exitUsage, "Usage"},
		{[]string{"wan", "-help"}, exitOK, "-stacks names"},
		{[]string{"wan", "-cells", "("}, exitUsage, "-cells"},
		{[]string{"wan", "-seeds", "0"}, exitUsage, "seed"},
		{[]string{"wan", "fast"}, exitUsage, "fast"},
		{[]string{"wan", "-nothing"}, exitUsage, "-nothing"},
		{[]string{"wan", "-stacks", "bsd"}, exitFailure, "no stack"},
	} {
		var out, errOut bytes.Buffer
		if status := run(t.Context(), x.args, &out, &errOut); status != x.status || !strings.Contains(errOut.String(), x.says) {
			t.Errorf("%q: status %d, want %d: %s", x.args, status, x.status, &errOut)
		}
	}
}

func TestJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second of real time")
	}
	var out, errOut bytes.Buffer
	args := []string{"wan", "-stacks", "gvisor,usernet", "-parts", "grid", "-cells", "^10M/20ms/0%$", "-seeds", "1", "-duration", "200ms", "-json", "-"}
	if status := run(t.Context(), args, &out, &errOut); status != exitOK {
		t.Fatalf("status %d: %s", status, &errOut)
	}
	var r wan.Results
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Grid) < 2 || r.Grid[0].Cell != "10M/20ms/0%" || r.Grid[0].Median.Goodput <= 0 || r.Versions["go"] == "" {
		t.Errorf("read %+v", r)
	}
}
