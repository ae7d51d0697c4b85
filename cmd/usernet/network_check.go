package main

import "net/netip"

// check says what is wrong with the flags as a whole.
func (n *network) check() error {
	switch n.device.kind {
	case "":
		return usagef("--link is missing: expected %s, for example --link tap:tap0", linkForms)
	case rawipKind:
		return n.checkRawip()
	}
	if err := n.checkKind(); err != nil {
		return err
	}
	switch {
	case len(n.addrs) == 0 && !n.autoconf && n.device.kind.ethernet():
		return usagef("--addr is missing: expected an address with its prefix, for example --addr 10.9.0.2/24, or --autoconf")
	case len(n.addrs) == 0 && !n.autoconf:
		return usagef("--addr is missing: expected an address with its prefix, for example --addr 10.9.0.2/24")
	case n.mtu.n != 0 && n.mtu.n < minMTU6 && (n.autoconf || n.addrs.has(netip.IPv6Unspecified())):
		return usagef("--mtu %d: IPv6 needs an MTU of %d or more (RFC 8200, 5)", n.mtu.n, minMTU6)
	}
	for _, g := range n.gateways {
		if !n.addrs.has(g) {
			return usagef("--gateway %v: expected an --addr of the same family with it", g)
		}
	}
	for _, h := range n.hostAddrs {
		for _, a := range n.addrs {
			if h.Addr() == a.Addr() {
				return usagef("--host-addr and --addr are both %v: expected two addresses, for example --host-addr 10.9.0.1/24 --addr 10.9.0.2/24", h.Addr())
			}
		}
	}
	return nil
}

// checkKind refuses what has no meaning for the kind of device.
func (n *network) checkKind() error {
	k := n.device.kind
	switch {
	case n.mac != (macValue{}) && k != packetKind:
		return usagef("--mac %v: %s has no Ethernet address to choose: it goes with --link packet:IFNAME", &n.mac, k)
	case n.autoconf && !k.ethernet():
		return usagef("--autoconf: there are no routers on a tun device to listen to: expected --link tap:NAME or packet:IFNAME, or --addr in its place")
	case k != packetKind:
		return nil
	case len(n.hostAddrs) > 0:
		return usagef("--host-addr %v: packet leaves the host's interface as it is: 'ip address add %v dev %s' gives it an address, or --link tap:NAME makes a device for the host",
			&n.hostAddrs, n.hostAddrs[0], n.device.name)
	case n.mtu.n != 0:
		return usagef("--mtu %d: packet has the MTU of the host's interface: 'ip link set %s mtu %[1]d' changes it", n.mtu.n, n.device.name)
	}
	return nil
}

// checkRawip refuses what the host decides, whose addresses and routes it has.
func (n *network) checkRawip() error {
	const instead = "or --link packet:IFNAME gives the stack a place of its own"
	switch {
	case len(n.addrs) > 0:
		return usagef("--addr %v: rawip has the addresses of the host: leave it out, %s", &n.addrs, instead)
	case n.autoconf:
		return usagef("--autoconf: rawip has the addresses of the host: leave it out, %s", instead)
	case len(n.gateways) > 0:
		return usagef("--gateway %v: rawip has the routes of the host: leave it out, %s", &n.gateways, instead)
	case len(n.hostAddrs) > 0:
		return usagef("--host-addr %v: rawip takes the host's addresses as they are: leave it out, or use --link tap:NAME, which makes a device for the host", &n.hostAddrs)
	case n.mac != (macValue{}):
		return usagef("--mac %v: rawip has the Ethernet addresses of the host: leave it out, %s", &n.mac, instead)
	case n.mtu.n != 0:
		return usagef("--mtu %d: rawip has the MTU of the host's interfaces: leave it out, or change theirs with 'ip link set IFNAME mtu %[1]d'", n.mtu.n)
	}
	return nil
}
