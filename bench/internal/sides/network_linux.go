package sides

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Names of devices.
const (
	nearDevice = "bench0"
	farDevice  = "bench1"
)

// twoNamespaces says that the far side has a namespace of its own: two kernel ends in
// one would take the loopback.
func (s Spec) twoNamespaces() bool { return s.Link == Packet }

// fresh refuses a namespace in which a device is up: in one that was just made none is,
// not even the loopback.
func fresh() error {
	devices, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, d := range devices {
		if d.Flags&net.FlagUp != 0 {
			return fmt.Errorf("a side changes the settings of its network namespace, and %s is up in this one: "+
				"bench itself starts sides, in fresh ones", d.Name)
		}
	}
	return nil
}

// tune sets what is the same for all stacks in this process's namespace. What is not
// there is not needed.
func tune(s Spec) error {
	if err := fresh(); err != nil {
		return err
	}
	settings := [][2]string{
		{"net/ipv6/conf/all/disable_ipv6", "1"},
		{"net/ipv6/conf/default/disable_ipv6", "1"},
		{"net/ipv4/tcp_no_metrics_save", "1"},
		{"net/ipv4/ip_local_port_range", fmt.Sprintf("%d %d", FirstPort, LastPort)},
		{"net/ipv4/tcp_tw_reuse", "1"},
		{"net/ipv4/tcp_tw_reuse_delay", strconv.FormatInt(TimeWait.Milliseconds(), 10)},
		{"net/ipv4/tcp_max_tw_buckets", strconv.Itoa(manyConnections)},
		{"net/ipv4/tcp_rmem", fmt.Sprintf("4096 131072 %d", LargestBuffer)},
		{"net/ipv4/tcp_wmem", fmt.Sprintf("4096 16384 %d", LargestBuffer)},
		{"net/core/somaxconn", "4096"},
	}
	for _, x := range settings {
		if err := os.WriteFile("/proc/sys/"+x[0], []byte(x[1]), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := ip("link", "set", "lo", "up", "mtu", strconv.Itoa(s.MTU)); err != nil {
		return err
	}
	if !s.Offload {
		return noOffloads("lo")
	}
	return nil
}

// noOffloads has each packet be a segment. Checksums are not computed on the loopback
// and on veth, with or without.
func noOffloads(device string) error {
	return program("ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off")
}

// connectVeth makes a pair of devices, the far one of which goes to another process's
// namespace.
func connectVeth(s Spec, far int) error {
	mtu := strconv.Itoa(s.MTU)
	if err := ip("link", "add", nearDevice, "mtu", mtu, "type", "veth", "peer", "name", farDevice, "mtu", mtu); err != nil {
		return err
	}
	if !s.Offload {
		for _, d := range []string{nearDevice, farDevice} {
			if err := noOffloads(d); err != nil {
				return err
			}
			// AF_XDP sees packets as they are, with sums that nobody has completed.
			if err := program("ethtool", "-K", d, "tx", "off"); err != nil {
				return err
			}
		}
	}
	if err := ip("link", "set", farDevice, "netns", strconv.Itoa(far)); err != nil {
		return err
	}
	return ip("link", "set", nearDevice, "up")
}

// setUpFar configures the far end's namespace.
func setUpFar(s Spec) error {
	if s.Link != Packet {
		return nil // it is the near side's
	}
	if err := tune(s); err != nil {
		return err
	}
	return addAddress(farDevice, addresses[1])
}

// addAddress gives the kernel's end of a device its address, and brings it up.
func addAddress(device string, a netip.Addr) error {
	if err := ip("addr", "add", netip.PrefixFrom(a, prefixBits).String(), "dev", device); err != nil {
		return err
	}
	return ip("link", "set", device, "up")
}

func ip(args ...string) error { return program("ip", args...) }

// program runs a program, whose words are the error's.
func program(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
