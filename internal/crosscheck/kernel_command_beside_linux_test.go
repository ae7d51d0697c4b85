package crosscheck

import (
	"net"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestKernelCommandBeside serves with the command on an interface of a host whose
// kernel has a TCP of its own, and ends it by each signal in turn: afterwards
// nothing is left of it.
func TestKernelCommandBeside(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nc", "nft", "tcpdump")
	exe := buildCommand(t)
	// Where SIGHUP is ignored, as under nohup, programs that are started would ignore it
	// too, and the command does so on purpose; a signal that is caught is theirs again.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	for _, tt := range []struct {
		kind, addr4, addr6 string
		signals            []os.Signal
	}{
		{"packet", beside4, beside6, []os.Signal{syscall.SIGTERM}},
		{"rawip", near4, near6, []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, os.Kill}},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			p := newPath(t, pathConfig{mtu: 1500})
			host1 := p.newNeighbour(t)
			for i, sig := range tt.signals {
				resets := p.router.watchResets(t, gateDev, near4, near6, beside4, beside6)
				server := serving(t, host1, exe, tt.kind, ":7")
				addr := []string{tt.addr4, tt.addr6}[i%2]
				const n = 1 << 20
				body, sum := payload(7, n)
				got := newSink()
				cmd := p.far.command("nc", "-N", addr, "7")
				cmd.Stdin, cmd.Stdout = body, got
				start(t, cmd).wait()
				got.wantSame(t, "nc to "+addr+" and back", n, sum)
				// The command's own, of a last acknowledgment that comes twice, have timestamps; a
				// kernel's have none.
				ours := func(line string) bool { return strings.Contains(line, "TS val") }
				if lines := slices.DeleteFunc(resets(), ours); len(lines) > 0 {
					t.Errorf("resets on the wire:\n%s", strings.Join(lines, ""))
				}

				if err := server.cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				<-server.done
				if server.err != nil && sig != os.Kill {
					t.Errorf("the command ended by %v: %v\n%s", sig, server.err, &server.stderr)
				}
				host1.wantNothingLeft(t, sig)
			}
		})
	}
}

// wantNothingLeft wants no rule in the namespace, and port 7 to be free.
func (ns *netns) wantNothingLeft(t *testing.T, sig os.Signal) {
	t.Helper()
	if rules := ns.run("nft", "list", "ruleset"); rules != "" {
		t.Errorf("after %v these rules are left:\n%s", sig, rules)
	}
	var l net.Listener
	var err error
	ns.do(func() { l, err = net.Listen("tcp", ":7") })
	if err != nil {
		t.Fatalf("after %v: %v", sig, err)
	}
	l.Close()
}

// TestKernelCommandTaken wants clear words where an address or a port is another's.
func TestKernelCommandTaken(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nft")
	exe := buildCommand(t)
	p := newPath(t, pathConfig{mtu: 1500})
	host1 := p.newNeighbour(t)
	var l net.Listener
	var err error
	host1.do(func() { l, err = net.Listen("tcp", ":7") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	packet := []string{"--link", "packet:" + nearDev, "--addr"}
	const mac = `([0-9a-f]{2}:){5}[0-9a-f]{2}`
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{append(packet, gate4+"/24"), "address already in use: " + gate4 + " belongs to " + mac},
		{append(packet, gate6+"/64"), "address already in use: " + gate6 + " belongs to " + mac},
		{nearFlags("rawip"), `listen tcp .*:7: bind: .*address already in use`},
		{[]string{"--link", "rawip:nodev"}, `there is no interface "nodev"`},
		{[]string{"--link", "packet:nodev", "--addr", near4 + "/24"}, `there is no interface "nodev"`},
		{[]string{"--link", "packet:lo", "--addr", near4 + "/24"}, "lo is no Ethernet interface"},
	} {
		out, err := host1.command(exe, append([]string{"echo", "serve", ":7"}, tt.flags...)...).CombinedOutput()
		if err == nil || !regexp.MustCompile(tt.want).Match(out) {
			t.Errorf("%q: %v\n%s, want %s", tt.flags, err, out, tt.want)
		}
	}
	if rules := host1.run("nft", "list", "ruleset"); rules != "" {
		t.Errorf("these rules are left:\n%s", rules)
	}
}

// TestKernelCommandLinkWithoutPrivilege says what is missing, and how to get it.
func TestKernelCommandLinkWithoutPrivilege(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "setpriv")
	exe := buildCommand(t)
	p := newPath(t, pathConfig{mtu: 1500})
	host1 := p.newNeighbour(t)
	for _, tt := range []struct{ kind, drop, want string }{
		{"packet", "net_raw", "CAP_NET_RAW"},
		{"rawip", "net_raw", "CAP_NET_RAW"},
		{"rawip", "net_admin", "CAP_NET_ADMIN"},
	} {
		cmd := host1.command("setpriv", append([]string{"--bounding-set=-" + tt.drop, "--inh-caps=-" + tt.drop,
			exe, "echo", "serve", ":7"}, nearFlags(tt.kind)...)...)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.want) || !strings.Contains(string(out), "setcap") {
			t.Errorf("%s without %s: %v\n%s", tt.kind, tt.drop, err, out)
		}
	}
}
