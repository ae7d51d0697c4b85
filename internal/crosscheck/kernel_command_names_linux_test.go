package crosscheck

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKernelCommandNames has dnsmasq tell the command whom a name stands for: for
// get, ping and echo dial, by IPv4 and IPv6.
func TestKernelCommandNames(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "dnsmasq")
	exe := buildCommand(t)
	p := newPath(t, pathConfig{mtu: 1500})
	pid := filepath.Join(t.TempDir(), "dnsmasq.pid")
	dnsmasq := start(t, p.far.command("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
		"--user=root", "--group=root", "--pid-file="+pid,
		"--local=/example/", "--host-record=far.example,"+far4+","+far6, "--host-record=four.example,"+far4, "--host-record=six.example,"+far6))
	dnsmasq.listening("udp", 53)
	var web, echo net.Listener
	var err error
	p.far.do(func() {
		if web, err = net.Listen("tcp", ":80"); err == nil {
			echo, err = net.Listen("tcp", ":7")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { echo.Close() })
	go echoAll(echo)
	serve(t, web, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			http.Redirect(w, r, "http://six.example/", http.StatusFound)
			return
		}
		w.Write([]byte("host " + r.Host + "\n"))
	})
	command := func(input, server string, args ...string) (string, error) {
		args = append(append(args, nearFlags("tun")...), "--dns", server)
		cmd := p.router.command(exe, args...)
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, tt := range []struct{ server, input, args, want string }{
		{far4, "", "get http://far.example/", "host far.example\n"},
		{far6, "", "get http://four.example/elsewhere", "host six.example\n"},
		{far4 + ":53", "", "ping -c 1 four.example", "bytes from " + far4 + ": "},
		{"[" + far6 + "]:53", "", "ping -c 1 six.example", "bytes from " + far6 + ": "},
		{far4, "there and back\n", "echo dial far.example:7", "there and back\n"},
	} {
		if out, err := command(tt.input, tt.server, strings.Fields(tt.args)...); err != nil || !strings.Contains(out, tt.want) {
			t.Errorf("%s, asking %s: %v\n%s, want %q", tt.args, tt.server, err, out, tt.want)
		}
	}
	for args, want := range map[string]string{
		"get http://none.example/": "no such host",
		"ping -c 1 none.example":   "no such host",
	} {
		if out, err := command("", far4, strings.Fields(args)...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s, want %q", args, err, out, want)
		}
	}
}

// TestKernelCommandAutoconf has radvd tell the command its network.
func TestKernelCommandAutoconf(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "radvd")
	exe := buildCommand(t)
	p := newPath(t, pathConfig{mtu: 1500})
	host1 := p.newNeighbour(t)
	dir := t.TempDir()
	config, pid := filepath.Join(dir, "radvd.conf"), filepath.Join(dir, "radvd.pid")
	if err := os.WriteFile(config, []byte(radvdConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	radvd := start(t, p.router.command("radvd", "--nodaemon", "--config", config, "--pidfile", pid, "--logmethod", "stderr"))
	out, err := host1.command(exe, "ping", "-c", "1", far6, "--link", "packet:"+nearDev, "--autoconf").CombinedOutput()
	for _, want := range []string{"packet:" + nearDev + " has the address fd01::", "bytes from " + far6} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v\n%s, want %q", err, out, want)
		}
	}
	radvd.interrupt()
	out, err = host1.command(exe, "ping", "-c", "1", far6, "--link", "packet:"+nearDev, "--autoconf").CombinedOutput()
	if want := "no router has told of a network within 15s (--autoconf)"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s, want %q", err, out, want)
	}
}
