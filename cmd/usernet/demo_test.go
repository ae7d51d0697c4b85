package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	figures := regexp.MustCompile(`\n300000 bytes there and back, each as it was sent, in [0-9.]+ s: [0-9.]+ Mbit/s, ` +
		`([0-9]+) segments, ([0-9]+) retransmissions?, ([0-9]+) lost on the wire\n$`)
	for _, tt := range []struct {
		args string
		loss bool
	}{
		{"demo --size 300kB --loss 3% --delay 1ms --seed 7", true},
		{"demo --size 300kB --loss 0 --delay 0s --congestion reno", false},
	} {
		got := execute(t.Context(), "", strings.Fields(tt.args)...)
		if got.status != exitOK || got.err != "" {
			t.Errorf("usernet %s: status %d, error:\n%s", tt.args, got.status, got.err)
		}
		for _, want := range []string{"10.0.0.2:7", "SYN-SENT", "ESTABLISHED", "<SEQ=0><CTL=SYN,ECE,CWR,AE>", "<DATA=", "FIN-WAIT-1", "LAST-ACK", " ... "} {
			if !strings.Contains(got.out, want) {
				t.Errorf("usernet %s: %q is not in:\n%s", tt.args, want, got.out)
			}
		}
		m := figures.FindStringSubmatch(got.out)
		if m == nil {
			t.Errorf("usernet %s: no figures at the end of:\n%s", tt.args, got.out)
			continue
		}
		if loss := m[3] != "0"; loss != tt.loss {
			t.Errorf("usernet %s: %s segments lost", tt.args, m[3])
		}
		if drawn := strings.Contains(got.out, "X") && strings.Contains(got.out, "retransmission"); drawn != tt.loss {
			t.Errorf("usernet %s: a lost segment and its way back drawn: %v, want %v:\n%s", tt.args, drawn, tt.loss, got.out)
		}
	}
}

func TestDemoInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := execute(ctx, "", "demo")
	if got.status != exitFailure || got.err != "usernet: interrupted\n" {
		t.Errorf("status %d, error %q", got.status, got.err)
	}
}

// A byte that is not the one that was sent ends the demonstration.
func TestCheckerFindsByte(t *testing.T) {
	d := &demo{}
	good := make([]byte, 1000)
	if _, err := d.source().Read(good); err != nil {
		t.Fatal(err)
	}
	c := &checker{want: d.source()}
	if n, err := c.Write(good[:500]); n != 500 || err != nil {
		t.Fatalf("the bytes as they were sent: %d, %v", n, err)
	}
	bad := bytes.Clone(good[500:])
	bad[123] ^= 1
	_, err := c.Write(bad)
	if err == nil || !strings.HasPrefix(err.Error(), "byte 623 came back as 0x") {
		t.Errorf("error %v, want byte 623 named", err)
	}
}
