package crosscheck

import (
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestKernelCommandStats asks a server for its connections while it runs, and
// reads them again at its end.
func TestKernelCommandStats(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nc")
	exe := buildCommand(t)
	host := newNetns(t)
	server := serving(t, host, exe, "tap", "--stats", ":7")
	in, feed := io.Pipe()
	var answer lockedBuffer
	cmd := host.command("nc", near4, "7")
	cmd.Stdin, cmd.Stdout = in, &answer
	nc := start(t, cmd)
	io.WriteString(feed, "hello\n")
	waitUntil(t, "the server answers", func() bool { return answer.String() == "hello\n" })

	const connection = `(?m)^tcp +ESTAB +0 +0 +10\.1\.0\.2:7 +10\.1\.0\.1:\d+ .*\bcwnd:\d+`
	heads := func() int { return strings.Count(server.stderr.String(), "Netid State") }
	for n := 1; n <= 2; n++ {
		if err := server.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the server tells its connections", func() bool { return heads() == n })
	}
	stopServing(t, server)
	feed.Close()
	<-nc.done
	if n := len(regexp.MustCompile(connection).FindAllString(server.stderr.String(), -1)); heads() != 3 || n != 3 {
		t.Errorf("the connection is told %d times in %d lists, want 3 in 3:\n%s", n, heads(), &server.stderr)
	}
	for _, want := range []string{`(?m)^tcp +LISTEN +0 +\d+ +\*:7 +\*:\*`, `(?m)^packets: \d+ in`, `(?m)^TCP: \d+ segments in`} {
		if !regexp.MustCompile(want).MatchString(server.stderr.String()) {
			t.Errorf("%s is not in:\n%s", want, &server.stderr)
		}
	}
}
