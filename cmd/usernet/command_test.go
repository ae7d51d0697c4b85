package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/tcp"
)

// A result is what one command line did.
type result struct {
	status   int
	out, err string
}

// execute runs a command line in this process.
func execute(ctx context.Context, in string, args ...string) result {
	var out, errOut bytes.Buffer
	status := run(ctx, args, strings.NewReader(in), &out, &errOut)
	return result{status, out.String(), errOut.String()}
}

// A wrong command line ends with status 2, before anything is opened, and says
// what was expected.
func TestUsageErrors(t *testing.T) {
	const device = "--link tap:t0 --addr 10.9.0.2/24 "
	algorithms := "expected one of " + strings.Join(usernet.CongestionControls(), ", ")
	for _, tt := range []struct{ args, want string }{
		{"nothing", `unknown command "nothing" for "usernet"`},
		{"echo nothing", `unknown command "nothing" for "usernet echo"`},
		{"demo --nothing", "unknown flag: --nothing"},
		{"demo extra", `unknown command "extra" for "usernet demo"`},
		{"demo --size 0", "expected a size from 1 B to 64MiB, for example 4MiB"},
		{"demo --size 65MiB", "expected a size from 1 B to 64MiB"},
		{"demo --size many", "expected a size"},
		{"demo --loss 0.9", "expected a share from 0 to 0.2, for example 0.02 or 2%"},
		{"demo --loss x", "expected a share"},
		{"demo --delay 10", "expected a time from 0s to 1s, for example 10ms"},
		{"demo --seed -1", "expected a number from 0 to"},
		{"demo --congestion vegas", algorithms},
		{"demo --plot demo.png", "expected the name of a file that ends in .svg, for example demo.svg"},
		{"demo --plot .svg", "expected the name of a file that ends in .svg"},
		{"demo --plot plots/.svg", "expected the name of a file that ends in .svg"},
		{"echo serve :7 --congestion vegas " + device, algorithms},
		{"echo dial 10.9.0.1:7 --congestion vegas " + device, algorithms},
		{"get http://10.9.0.1/ --congestion vegas " + device, algorithms},
		{"echo serve :7 --udp --congestion reno " + device, "--congestion reno: there is no congestion control in UDP"},
		{"echo dial 10.9.0.1:7 --udp --congestion reno " + device, "--congestion reno: there is no congestion control in UDP"},
		{"echo serve", "ADDR:PORT to listen on, for example 10.9.0.2:7, is missing"},
		{"echo serve :7 :8", `":8" is one too many`},
		{"echo serve 10.9.0.2 " + device, `"10.9.0.2": expected ADDR:PORT, for example 10.9.0.2:7 or [fd00:9::2]:7`},
		{"echo serve localhost:7 " + device, "expected ADDR:PORT"},
		{"echo serve :7", "--link is missing: expected tap:NAME, tun:NAME, packet:IFNAME or rawip[:IFNAME], for example --link tap:tap0"},
		{"echo serve :7 --link tap:t0", "--addr is missing: expected an address with its prefix, for example --addr 10.9.0.2/24, or --autoconf"},
		{"echo serve :7 --link tun:t0", "--addr is missing: expected an address with its prefix, for example --addr 10.9.0.2/24"},
		{"echo serve :7 --link t0", "expected tap:NAME, tun:NAME, packet:IFNAME or rawip[:IFNAME], for example tap:tap0 or packet:eth0"},
		{"echo serve :7 --link packet", "expected tap:NAME"},
		{"echo serve :7 --link rawip:", "expected tap:NAME"},
		{"echo serve :7 --link tap:a-name-that-is-too-long", "at most 15 characters"},
		{"echo serve :7 --link tap:t0 --addr 10.9.0.2", "expected an address and the length of its network's prefix, for example 10.9.0.2/24"},
		{"echo serve :7 " + device + "--addr 10.9.0.2/24", "it was given before"},
		{"echo serve :7 " + device + "--gateway router", "expected an address, for example 10.9.0.1"},
		{"echo serve :7 " + device + "--gateway 10.9.0.1 --gateway 10.9.0.3", "one gateway for IPv4 and one for IPv6 at most"},
		{"echo serve :7 " + device + "--gateway fd00::1", "expected an --addr of the same family"},
		{"echo serve :7 " + device + "--host-addr 10.9.0.2/24", "expected two addresses"},
		{"echo serve :7 " + device + "--mtu 9", "expected a number from 68 to 65535"},
		{"echo serve :7 " + device + "--mtu 1000 --addr fd00:9::2/64", "IPv6 needs an MTU of 1280 or more"},
		{"echo serve :7 " + device + "--mac own", "--mac own: tap has no Ethernet address to choose: it goes with --link packet:IFNAME"},
		{"echo serve :7 --link packet:e0 --addr 10.9.0.2/24 --mac 01:00:5e:00:00:01", "expected auto, own, or the Ethernet address of one station"},
		{"echo serve :7 --link packet:e0 --addr 10.9.0.2/24 --mac e0", "expected auto, own, or the Ethernet address of one station"},
		{"echo serve :7 --link packet:e0 --addr 10.9.0.2/24 --host-addr 10.9.0.1/24", "'ip address add 10.9.0.1/24 dev e0' gives it an address"},
		{"echo serve :7 --link packet:e0 --addr 10.9.0.2/24 --mtu 1400", "'ip link set e0 mtu 1400' changes it"},
		{"echo serve :7 --link tun:t0 --autoconf", "--autoconf: there are no routers on a tun device to listen to"},
		{"echo serve :7 --link tap:t0 --autoconf --mtu 1000", "IPv6 needs an MTU of 1280 or more"},
		{"echo serve :7 --link rawip --addr 10.9.0.2/24", "--addr 10.9.0.2/24: rawip has the addresses of the host: leave it out, or --link packet:IFNAME"},
		{"echo serve :7 --link rawip:e0 --autoconf", "--autoconf: rawip has the addresses of the host"},
		{"echo serve :7 --link rawip --gateway 10.9.0.1", "--gateway 10.9.0.1: rawip has the routes of the host"},
		{"echo serve :7 --link rawip --host-addr 10.9.0.1/24", "--host-addr 10.9.0.1/24: rawip takes the host's addresses as they are"},
		{"echo serve :7 --link rawip --mac own", "--mac own: rawip has the Ethernet addresses of the host"},
		{"echo serve :7 --link rawip --mtu 1400", "--mtu 1400: rawip has the MTU of the host's interfaces"},
		{"echo serve :7 " + device + "--dns ns", "expected the address of a name server, for example 10.9.0.1 or [fd00:9::1]:5353"},
		{"echo serve :7 " + device + "--dns 10.9.0.1 --dns 10.9.0.1:53", "it was given before"},
		{"echo dial 10.9.0.1 " + device, "expected HOST:PORT, for example 10.9.0.1:7"},
		{"echo dial :7 " + device, "expected the address, or the name, and the port of a peer"},
		{"echo dial 0.0.0.0:7 " + device, "expected the address, or the name, and the port of a peer, for example 10.9.0.1:7"},
		{"echo dial 10.9.0.1:0 " + device, "expected the address, or the name, and the port of a peer"},
		{"echo dial host:7 " + device, `"host" is a name: expected --dns with the address of a name server, for example --dns 10.9.0.1, or an address`},
		{"get", "URL to fetch, for example http://10.9.0.1/file, is missing"},
		{"get 10.9.0.1 " + device, `"10.9.0.1": expected a URL, for example http://10.9.0.1/file`},
		{"get http:/// " + device, "expected a URL"},
		{"get ftp://10.9.0.1/ " + device, `get knows http and https, not "ftp"`},
		{"get http://host/ " + device, `"host" is a name: expected --dns`},
		{"get http://10.9.0.1/ --insecure --cacert f " + device, "expected one of the two"},
		{"get http://10.9.0.1/ --cacert /nonexistent " + device, "--cacert: open /nonexistent"},
		{"get http://10.9.0.1/ --cacert go.mod " + device, "no certificate in it: expected the PEM form"},
		{"get http://10.9.0.1/", "--link is missing"},
		{"ping", "HOST to ask, for example 10.9.0.1, is missing"},
		{"ping host " + device, `"host" is a name: expected --dns`},
		{"ping :: " + device, `"::": expected the address, or the name, of a host, for example 10.9.0.1 or fd00:9::1`},
		{"ping 10.9.0.1 -c 0 " + device, "expected a number from 1 to"},
	} {
		got := execute(t.Context(), "", strings.Fields(tt.args)...)
		if got.status != exitUsage || !strings.Contains(got.err, tt.want) || !strings.Contains(got.err, "--help") || got.out != "" {
			t.Errorf("usernet %s: status %d, output %q, error:\n%s\nwant status %d and %q", tt.args, got.status, got.out, got.err, exitUsage, tt.want)
		}
	}
}

// Help goes to standard output, with status 0, and names what there is.
func TestHelp(t *testing.T) {
	for args, want := range map[string][]string{
		"":                  {"demo", "echo", "get", "ping", "completion"},
		"--help":            {"demo", "echo", "get", "ping"},
		"demo --help":       {"--size", "--loss", "--delay", "--seed", "--congestion", "(default: " + tcp.DefaultCongestionControl + ")"},
		"echo":              {"dial", "serve"},
		"echo serve --help": {"--link", "packet:IFNAME", "rawip[:IFNAME]", "--addr", "--autoconf", "--gateway", "--host-addr", "--mac", "--mtu", "--dns", "--stats", "--verbose", "--udp", "--congestion", "ADDR:PORT"},
		"echo dial --help":  {"--link", "--udp", "--congestion", "standard input", "--dns", "--stats", "HOST:PORT"},
		"get --help":        {"--link", "--output", "--cacert", "--insecure", "--congestion", "--dns", "--stats", "URL"},
		"ping --help":       {"--count", "--link", "--dns", "--stats", "HOST"},
		"completion bash":   {"usernet"},
	} {
		got := execute(t.Context(), "", strings.Fields(args)...)
		if got.status != exitOK || got.err != "" {
			t.Errorf("usernet %s: status %d, error %q", args, got.status, got.err)
		}
		for _, w := range want {
			if !strings.Contains(got.out, w) {
				t.Errorf("usernet %s: %q is not in:\n%s", args, w, got.out)
			}
		}
	}
}
