package rawip

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// A hostState is what is known of the host's interfaces.
type hostState struct {
	addrs    []netip.Prefix // to configure a stack with
	own      []netip.Addr   // that packets may come to
	mtu      int
	index    uint32 // of the named interface
	loopback uint32
}

// readHost asks the kernel about the interface of that name, or about all; on the
// calling thread, for its network namespace.
func readHost(name string) (*hostState, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("rawip: interfaces: %w", err)
	}
	s := &hostState{}
	found := name == ""
	for _, i := range interfaces {
		loopback := i.Flags&net.FlagLoopback != 0
		if loopback && s.loopback == 0 {
			s.loopback = uint32(i.Index)
		}
		if name != "" && i.Name == name {
			found = true
			s.index, s.mtu = uint32(i.Index), i.MTU
		}
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		if name == "" && !loopback && (s.mtu == 0 || i.MTU < s.mtu) {
			s.mtu = i.MTU
		}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("rawip: addresses of %s: %w", i.Name, err)
		}
		for _, a := range addrs {
			s.add(a, name != "", name == "" || name == i.Name)
		}
	}
	if !found {
		return nil, fmt.Errorf("rawip: there is no interface %q: %w", name, os.NewSyscallError("ioctl SIOCGIFINDEX", unix.ENODEV))
	}
	return s, nil
}

// add adds one address of an interface that is up.
func (s *hostState) add(a net.Addr, linkLocal, wanted bool) {
	n, ok := a.(*net.IPNet)
	if !ok {
		return
	}
	ip, ok := netip.AddrFromSlice(n.IP)
	if !ok {
		return
	}
	ip = ip.Unmap()
	if ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() {
		return
	}
	s.own = append(s.own, ip)
	bits, size := n.Mask.Size()
	if ip.Is4() && size == 128 {
		bits -= 96
	}
	if wanted && (linkLocal || !(ip.Is6() && ip.IsLinkLocalUnicast())) {
		s.addrs = append(s.addrs, netip.PrefixFrom(ip, bits))
	}
}
