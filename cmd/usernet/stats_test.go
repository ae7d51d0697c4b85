package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
)

// The statistics are lines as ss writes them, and counters.
func TestStats(t *testing.T) {
	server, client := joined(t, nil)
	startServer(t, server, serveTCP)
	in, feed := io.Pipe()
	out, ended := make(ready, 1), make(chan error, 1)
	d := dialed{in: in, out: out}
	go func() { ended <- d.overTCP(t.Context(), client, serverPort) }()
	io.WriteString(feed, "hello")
	<-out
	var ours, theirs bytes.Buffer
	writeStats(&ours, client)
	writeStats(&theirs, server)
	feed.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, tt := range []struct{ got, want string }{
		{ours.String(), `(?m)\ANetid +State +Recv-Q +Send-Q +Local Address:Port +Peer Address:Port$`},
		{ours.String(), `(?m)^tcp +ESTAB +0 +\d+ +10\.9\.0\.2:\d+ +10\.9\.0\.1:7 .*\bmss:1448\b`},
		{ours.String(), `(?m)^packets: [1-9]\d* in, \d.*B; [1-9]\d* out, \d.*B$`},
		{ours.String(), `(?m)^TCP: [1-9]\d* segments in, [1-9]\d* out; 1 connections, 0 in TIME-WAIT$`},
		{theirs.String(), `(?m)^tcp +LISTEN +0 +\d+ +10\.9\.0\.1:7 +\*:\*$`},
		{theirs.String(), `(?m)^tcp +ESTAB `},
	} {
		if !regexp.MustCompile(tt.want).MatchString(tt.got) {
			t.Errorf("%s is not in:\n%s", tt.want, tt.got)
		}
	}
}

// Statistics at the end come once, before the stack is closed.
func TestStatsAtEnd(t *testing.T) {
	_, client := joined(t, nil)
	var out bytes.Buffer
	n := network{stats: true}
	end := n.ending(client, &out)
	if _, err := client.Listen("tcp", ":7"); err != nil {
		t.Fatal(err)
	}
	end()
	end()
	if strings.Count(out.String(), "Netid") != 1 || !strings.Contains(out.String(), "LISTEN") {
		t.Errorf("at the end:\n%s", &out)
	}
	if _, err := client.Listen("tcp", ":8"); err == nil {
		t.Error("the stack is open after its end")
	}
}
