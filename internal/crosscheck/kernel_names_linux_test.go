package crosscheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
)

// TestKernelNames asks dnsmasq, by UDP and TCP and over both families, through a TAP
// device and the kernel's router.
func TestKernelNames(t *testing.T) {
	t.Parallel()
	needKernel(t, "nc", "dnsmasq")
	p := newPath(t, pathConfig{mtu: 1500})
	s := p.router.attach(t, device{tap: true, mtu: 1500})
	args := []string{"--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root", "--group=root",
		"--pid-file=" + filepath.Join(t.TempDir(), "dnsmasq.pid"), "--local=/example/",
		"--host-record=far.example," + far4 + "," + far6, "--host-record=four.example," + far4, "--host-record=six.example," + far6,
		"--cname=alias.example,middle.example", "--cname=middle.example,far.example",
		"--mx-host=example,mail.example,10", "--srv-host=_http._tcp.example,far.example,80,0,5"}
	var text []string // too much of it for a datagram
	for i := range 20 {
		text = append(text, fmt.Sprintf("%02d%s", i, strings.Repeat("x", 198)))
		args = append(args, "--txt-record=text.example,"+text[i])
	}
	dnsmasq := start(t, p.far.command("dnsmasq", args...))
	dnsmasq.listening("udp", 53)
	dnsmasq.listening("tcp", 53)

	for _, servers := range []string{far4 + ":53", "[" + far6 + "]:53", nowhere4 + ":53 " + far4 + ":53", "[" + near6 + "]:53 " + far4 + ":54 " + far6} {
		t.Run(servers, func(t *testing.T) {
			r := &usernet.Resolver{Stack: s, Search: []string{"example"}, Timeout: time.Second, Attempts: 5}
			for f := range strings.FieldsSeq(servers) {
				ap, err := netip.ParseAddrPort(f)
				if err != nil {
					ap = netip.AddrPortFrom(netip.MustParseAddr(f), 53)
				}
				r.Servers = append(r.Servers, ap)
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			for name, want := range map[string][]string{
				"far.example": {far4, far6}, "FAR": {far4, far6}, "four.example.": {far4}, "six.example": {far6}, "alias.example": {far4, far6},
			} {
				got, err := r.LookupHost(ctx, name)
				slices.Sort(got)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%s: %v, %v; want %v", name, got, err, want)
				}
			}
			dialFarByName(t, p, &usernet.Dialer{Stack: s, Resolver: r})
			if len(r.Servers) > 1 {
				return // the rest does not depend on that
			}
			if cname, err := r.LookupCNAME(ctx, "alias.example"); err != nil || cname != "far.example." {
				t.Errorf("LookupCNAME: %s, %v", cname, err)
			}
			if names, err := r.LookupAddr(ctx, far6); err != nil || len(names) == 0 || !slices.Contains(names, "far.example.") {
				t.Errorf("LookupAddr: %v, %v", names, err)
			}
			if mx, err := r.LookupMX(ctx, "example."); err != nil || len(mx) != 1 || *mx[0] != (net.MX{Host: "mail.example.", Pref: 10}) {
				t.Errorf("LookupMX: %v, %v", mx, err)
			}
			if name, srv, err := r.LookupSRV(ctx, "http", "tcp", "example."); err != nil || len(srv) != 1 || srv[0].Port != 80 || name != "_http._tcp.example." {
				t.Errorf("LookupSRV: %s, %v, %v", name, srv, err)
			}
			got, err := r.LookupTXT(ctx, "text.example")
			slices.Sort(got)
			if err != nil || !slices.Equal(got, text) {
				t.Errorf("LookupTXT: %d texts, %v", len(got), err)
			}
			var failure *net.DNSError
			if _, err := r.LookupHost(ctx, "none.example"); !errors.As(err, &failure) || !failure.IsNotFound || failure.Server == "" {
				t.Errorf("a name that there is not: %v", err)
			}
			if _, err := r.LookupHost(ctx, "example.org"); !errors.As(err, &failure) || failure.IsNotFound || failure.Err != "server misbehaving" {
				t.Errorf("a name that the server may not ask for: %v", err)
			}
		})
	}
	if n := s.Stats().DNSIgnored; n != 0 {
		t.Errorf("%d messages from dnsmasq were taken for wrong", n)
	}
}

// dialFarByName has the kernel's nc answer a connection.
func dialFarByName(t *testing.T, p *path, d *usernet.Dialer) {
	t.Helper()
	cmd := p.far.command("nc", "-N", "-l", far4, "5001")
	cmd.Stdin = strings.NewReader("hello")
	nc := start(t, cmd)
	nc.listening("tcp", 5001)
	c, err := d.Dial("tcp", "alias.example:5001") // by IPv6 it is refused
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("nc said %q, %v", got, err)
	}
	c.Close()
	nc.wait()
}
