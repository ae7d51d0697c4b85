package sim

import (
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/tcp"
	"github.com/usernet-go/usernet/wire"
)

// reported returns what report writes of r.
func reported(r reportInput) string {
	var b strings.Builder
	r.start = epoch
	report(&b, r)
	return b.String()
}

// wayOf returns a way on which n packets were sent, one each millisecond.
func wayOf(from, to string, n int) *recent {
	r := new(recent)
	for i := range n {
		at := time.Duration(i) * time.Millisecond
		r.add(&Packet{Number: uint64(i + 1), Time: epoch.Add(at), From: from, To: to, Medium: link.IP, Data: fromClient(wire.Seq(i), 0, wire.ACK, 0)}, arriving(at+perHop))
	}
	return r
}

func connection(state tcp.State, local, remote string) usernet.Connection {
	c := usernet.Connection{Network: "tcp", State: state, Local: netip.MustParseAddrPort(local)}
	if remote != "" {
		c.Remote = netip.MustParseAddrPort(remote)
		c.Info = &tcp.Info{RTO: 400 * time.Millisecond, Resent: 3, Retransmits: 1}
	}
	return c
}

func TestReport(t *testing.T) {
	waiting := connection(tcp.StateListen, "[::]:81", "")
	waiting.RecvQ = 2
	got := reported(reportInput{
		seed: 42, drawn: true, test: "TestDownload/lossy_path", pkg: "example.com/hello",
		ways: []*recent{wayOf("client", "server", 2), wayOf("server", "client", 1), wayOf("client", "phone", 0)},
		hosts: []reportHost{
			{"client", []usernet.Connection{connection(tcp.StateEstablished, clientAddr, serverAddr)}},
			{"phone", []usernet.Connection{connection(tcp.StateListen, "[::]:80", "")}},
			{"server", []usernet.Connection{connection(tcp.StateListen, "[::]:80", ""), waiting, connection(tcp.StateCloseWait, serverAddr, clientAddr)}},
		},
	})
	const want = `sim: seed 42; to repeat this:
USERNET_SIM_SEED=42 go test -run '^TestDownload$/^lossy_path$' -count=1 example.com/hello

the last 16 packets each way:
   0.000000000  client > server #1     10.0.0.1:49152 > 10.0.0.2:80 <SEQ=0><ACK=0><CTL=ACK>                                   arrives at 0.010000000
   0.000000000  server > client #1     10.0.0.1:49152 > 10.0.0.2:80 <SEQ=0><ACK=0><CTL=ACK>                                   arrives at 0.010000000
   0.001000000  client > server #2     10.0.0.1:49152 > 10.0.0.2:80 <SEQ=1><ACK=0><CTL=ACK>                                   arrives at 0.011000000

connections of client:
tcp   ESTAB           0      0          10.0.0.1:49152             10.0.0.2:80 rto:400 retrans:0/3

connections of server:
tcp   LISTEN          2      0                    *:81                     *:*
tcp   CLOSE-WAIT      0      0             10.0.0.2:80          10.0.0.1:49152 rto:400 retrans:0/3
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Without anything to tell there is the seed.
func TestReportEmpty(t *testing.T) {
	if got := reported(reportInput{seed: 7}); got != "sim: seed 7\n" {
		t.Errorf("got %q", got)
	}
}

// A report has a bound, however large the world, and tells what it leaves out.
func TestReportBounds(t *testing.T) {
	for _, n := range []int{1, 8, 20, 100, 300} {
		var r reportInput
		for i := range n {
			r.ways = append(r.ways, wayOf("client", fmt.Sprint("server", i), 20+i))
			r.hosts = append(r.hosts, reportHost{fmt.Sprint("server", i), []usernet.Connection{connection(tcp.StateEstablished, serverAddr, clientAddr)}})
		}
		got := reported(r)
		if lines := strings.Count(got, "\n"); lines > 200 || lines < min(17*n, 150) {
			t.Errorf("%d ways: %d lines", n, lines)
		}
		if last := fmt.Sprintf("client > server%d #%d ", n-1, 19+n); !strings.Contains(got, last) {
			t.Errorf("%d ways: %q is not in\n%s", n, last, got)
		}
		for left, line := range map[int]string{
			n - 130: "\nand those of %d ways on which there were none lately\n",
			n - 20:  "\nand %d connections more\n",
		} {
			if want := fmt.Sprintf(line, left); strings.Contains(got, want) != (left > 0) {
				t.Errorf("%d ways: report says, or does not: %s", n, want)
			}
		}
	}
}

func TestReportCommand(t *testing.T) {
	for _, tt := range []struct {
		r    reportInput
		want string
	}{
		{reportInput{seed: 1, test: "TestA", pkg: "."}, "go test -run '^TestA$' -count=1 ."},
		{reportInput{seed: 1, drawn: true, test: "TestA", pkg: "a/b"}, "USERNET_SIM_SEED=1 go test -run '^TestA$' -count=1 a/b"},
		{reportInput{test: "TestA/1.5%_(it's)/b#01", pkg: "."}, `go test -run '^TestA$/^1\.5%_\(it'\''s\)$/^b#01$' -count=1 .`},
		{reportInput{test: "BenchmarkA/b", pkg: "."}, "go test -run '^$' -bench '^BenchmarkA$/^b$' -count=1 ."},
	} {
		if got := tt.r.command(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// A shell hands the pattern over as it is.
func TestReportCommandInShell(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell on this machine")
	}
	pattern := "^" + regexp.QuoteMeta(`it's "$HOME" \ *`) + "$"
	got, err := exec.Command(sh, "-c", "printf %s "+quote(pattern)).Output()
	if err != nil || string(got) != pattern {
		t.Errorf("%q, %v, want %q", got, err, pattern)
	}
}

func TestImportPath(t *testing.T) {
	if got, want := importPath(), "github.com/usernet-go/usernet/sim"; got != want {
		t.Errorf("this is %s, want %s", got, want)
	}
	for binary, want := range map[string]string{
		"example.com/hello/sub.test": "example.com/hello/sub", "example.com/hello": ".", "command-line-arguments.test": ".", "": ".",
	} {
		if got := packageOf(binary); got != want {
			t.Errorf("package of %q is %s, want %s", binary, got, want)
		}
	}
}
