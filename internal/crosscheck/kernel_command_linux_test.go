package crosscheck

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// commandDir is where the command is built, for as long as the tests run.
var commandDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if commandDir, err = os.MkdirTemp("", "usernet-command-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(commandDir)
		return m.Run()
	}())
}

// buildCommand builds the command as its users do, once for all tests that run it.
func buildCommand(t *testing.T) string {
	t.Helper()
	exe, err := builtCommand()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

var builtCommand = sync.OnceValues(func() (string, error) {
	exe := filepath.Join(commandDir, "usernet")
	cmd := exec.Command("go", "build", "-C", "../../cmd/usernet", "-o", exe, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return exe, nil
})

// nearFlags gives the command the near end's place: on a device of its own making,
// or, with packet and rawip, on the near end's interface.
func nearFlags(kind string) []string {
	switch kind {
	case "rawip":
		return []string{"--link", "rawip:" + nearDev}
	case "packet":
		return []string{
			"--link", "packet:" + nearDev,
			"--addr", beside4 + "/24", "--gateway", gate4, "--addr", beside6 + "/64", "--gateway", gate6,
		}
	}
	return []string{
		"--link", kind + ":" + gateDev,
		"--addr", near4 + "/24", "--host-addr", gate4 + "/24", "--gateway", gate4,
		"--addr", near6 + "/64", "--host-addr", gate6 + "/64", "--gateway", gate6,
	}
}

// TestKernelCommandUnderLoss is the whole in one: the command answers the
// kernel's nc over TAP and a router that loses packets in both directions.
func TestKernelCommandUnderLoss(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nc", "nft")
	exe := buildCommand(t)
	p := newPath(t, pathConfig{mtu: 1500, single: true, percent: 1})
	for _, kind := range []string{"tap", "tun"} {
		for _, addr := range []string{near4, near6} {
			server := serving(t, p.router, exe, kind, hostPort(addr, 7))
			before := p.far.tcpCounter("RetransSegs")

			const n = 10 << 20
			began := time.Now()
			body, sum := payload(5, n)
			got := newSink()
			cmd := p.far.command("nc", "-N", addr, "7")
			cmd.Stdin, cmd.Stdout = body, got
			start(t, cmd).wait()
			got.wantSame(t, "nc over "+kind+" to "+addr+" and back", n, sum)
			if p.far.tcpCounter("RetransSegs") == before {
				t.Error("nothing was sent again by the kernel")
			}
			t.Logf("nc over %s to %s and back: %s", kind, addr, rate(n, began))
			stopServing(t, server)
		}
	}
}

// serving starts the command's echo server, and waits until it listens.
func serving(t *testing.T, ns *netns, exe, kind string, args ...string) *process {
	t.Helper()
	args = append([]string{"echo", "serve"}, args...)
	p := start(t, ns.command(exe, append(args, nearFlags(kind)...)...))
	waitUntil(t, "the command listens", func() bool {
		select {
		case <-p.done:
			t.Fatalf("%v ended: %v\n%s", p.cmd.Args, p.err, &p.stderr)
		default:
		}
		return strings.Contains(p.stderr.String(), "listening on")
	})
	return p
}

// stopServing ends the server as a user does, and wants it to end well.
func stopServing(t *testing.T, p *process) {
	t.Helper()
	p.interrupt()
	if p.err != nil {
		t.Errorf("the command ended: %v\n%s", p.err, &p.stderr)
	}
}

// TestKernelCommandDial has the command carry its standard input to an echo
// server of the kernel, and back, over TCP and UDP.
func TestKernelCommandDial(t *testing.T) {
	t.Parallel()
	needKernel(t, "go")
	exe := buildCommand(t)
	host := newNetns(t)
	var l net.Listener
	var p net.PacketConn
	var err error
	host.do(func() {
		if l, err = net.Listen("tcp", ":7"); err == nil {
			p, err = net.ListenPacket("udp", ":7")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		p.Close()
		wg.Wait()
	})
	wg.Go(func() { echoAll(l) })
	wg.Go(func() {
		b := make([]byte, 65536)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			p.WriteTo(b[:n], from)
		}
	})

	for _, addr := range []string{gate4, gate6} {
		const n = 10 << 20
		body, sum := payload(6, n)
		got := newSink()
		cmd := host.command(exe, append([]string{"echo", "dial", hostPort(addr, 7)}, nearFlags("tun")...)...)
		cmd.Stdin, cmd.Stdout = body, got
		start(t, cmd).wait()
		got.wantSame(t, "the command to "+addr+" and back", n, sum)

		const words = "one datagram\n"
		cmd = host.command(exe, append([]string{"echo", "dial", "--udp", hostPort(addr, 7)}, nearFlags("tun")...)...)
		var answer lockedBuffer
		cmd.Stdin, cmd.Stdout = strings.NewReader(words), &answer
		start(t, cmd).wait()
		if answer.String() != words {
			t.Errorf("the command to %s by UDP and back: %q, want %q", addr, &answer, words)
		}
	}
}

// TestKernelCommandUDP has the kernel's nc ask the command's UDP echo.
func TestKernelCommandUDP(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nc")
	exe := buildCommand(t)
	host := newNetns(t)
	server := serving(t, host, exe, "tap", "--udp", ":7")
	for _, addr := range []string{near4, near6} {
		udpAsk(t, host, addr)
	}
	stopServing(t, server)
}

// TestKernelCommandPing has the command ping the kernel.
func TestKernelCommandPing(t *testing.T) {
	t.Parallel()
	needKernel(t, "go")
	exe := buildCommand(t)
	for _, kind := range []string{"tap", "tun"} {
		host := newNetns(t)
		for _, addr := range []string{gate4, gate6} {
			cmd := host.command(exe, append([]string{"ping", "--count", "2", addr}, nearFlags(kind)...)...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s, ping %s: %v\n%s", kind, addr, err, out)
			}
			t.Logf("%s", out)
		}
	}
}

// TestKernelCommandWithoutPrivilege says what is missing, and how to get it.
func TestKernelCommandWithoutPrivilege(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "setpriv")
	exe := buildCommand(t)
	host := newNetns(t)
	cmd := host.command("setpriv", append([]string{"--bounding-set=-net_admin", "--inh-caps=-net_admin",
		exe, "echo", "serve", hostPort(near4, 7)}, nearFlags("tap")...)...)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "CAP_NET_ADMIN") {
		t.Errorf("without the capability: %v\n%s", err, out)
	}
}
