package main

import (
	"github.com/usernet-go/usernet/link"
	packetlink "github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/link/rawip"
	"github.com/usernet-go/usernet/link/tun"
	"github.com/vishvananda/netlink"
)

// open opens the link that --link names.
func (n *network) open() (link.Link, error) {
	switch n.device.kind {
	case packetKind:
		l, err := packetlink.Open(packetlink.Config{Interface: n.device.name, MAC: n.mac.mac, InterfaceMAC: n.mac.own})
		if err != nil {
			return nil, err // and no link: l is a nil pointer
		}
		return l, nil
	case rawipKind:
		l, err := rawip.Open(rawip.Config{Interface: n.device.name})
		if err != nil {
			return nil, err
		}
		n.addrs = l.Addrs()
		return l, nil
	}
	return n.openTun()
}

// openTun opens a TUN or TAP device, and readies the kernel's end of it or checks
// that somebody has.
func (n *network) openTun() (link.Link, error) {
	_, err := netlink.LinkByName(n.device.name)
	existed := err == nil
	l, err := tun.Open(tun.Config{Name: n.device.name, TAP: n.device.kind == tapKind, MTU: n.mtu.n})
	if err != nil {
		return nil, err
	}
	if len(n.hostAddrs) > 0 {
		err = n.readyHostEnd()
	} else {
		err = n.checkHostEnd(existed)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
