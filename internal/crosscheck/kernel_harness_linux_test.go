package crosscheck

import (
	"testing"
	"time"
)

// TestKernelToKernel shows that the harness does what the other tests rely on,
// with the kernel's own TCP at both ends: bytes arrive intact, packets are lost
// in both directions, and both ends have to send some of them again.
func TestKernelToKernel(t *testing.T) {
	t.Parallel()
	needKernel(t, "nc", "nft", "ethtool")
	p := newPath(t, pathConfig{mtu: 1500, single: true, percent: 1})
	near := newNetns(t)
	p.veth(near, nearDev, gateDev)
	near.configure(nearDev, near4+"/24", near6+"/64")
	p.router.configure(gateDev, gate4+"/24", gate6+"/64")
	near.ip("route", "add", "default", "via", gate4)
	near.ip("-6", "route", "add", "default", "via", gate6)
	t.Logf("%v, congestion control %s", p.pathConfig, near.congestionControl())

	const n = 20 << 20
	for _, leg := range []struct {
		from, to *netns
		addr     string
	}{{near, p.far, far4}, {p.far, near, near6}} {
		got := newSink()
		cmd := leg.to.command("nc", "-l", leg.addr, "5001")
		cmd.Stdout = got
		server := start(t, cmd)
		server.listening("tcp", 5001)

		began := time.Now()
		body, sum := payload(1, n)
		cmd = leg.from.command("nc", "-N", leg.addr, "5001")
		cmd.Stdin = body
		start(t, cmd).wait()
		server.wait()
		got.wantSame(t, "to "+leg.addr, n, sum)
		t.Logf("to %s: %s", leg.addr, rate(n, began))
	}

	for _, dev := range []string{gateDev, exitDev} {
		if n := p.lost(dev); n == 0 {
			t.Errorf("no packet was lost that came in by %s", dev)
		} else {
			t.Logf("%d packets lost that came in by %s", n, dev)
		}
	}
	for _, ns := range []*netns{near, p.far} {
		if n := ns.tcpCounter("RetransSegs"); n == 0 {
			t.Errorf("%s sent nothing again", ns.name)
		} else {
			t.Logf("%s sent %d segments again", ns.name, n)
		}
	}
}
