package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/usernet-go/usernet/wire"
)

// A kind is a way from the stack to the outside.
type kind string

const (
	tapKind    kind = "tap"    // Ethernet, with the host's kernel at the other end
	tunKind    kind = "tun"    // the same with IP packets
	packetKind kind = "packet" // an address of its own on an interface of the host
	rawipKind  kind = "rawip"  // the host's own addresses
)

const linkForms = "tap:NAME, tun:NAME, packet:IFNAME or rawip[:IFNAME]"

// ethernet says whether there are neighbours and routers on the link that the
// stack itself speaks with.
func (k kind) ethernet() bool { return k == tapKind || k == packetKind }

// A deviceValue is the value of --link: a kind of device, and its name.
type deviceValue struct {
	kind kind
	name string // of the interface; empty for rawip on all
}

// maxDeviceName is Linux's IFNAMSIZ without the byte that ends the name.
const maxDeviceName = 15

func (v *deviceValue) Set(s string) error {
	before, name, named := strings.Cut(s, ":")
	switch k := kind(before); {
	case k == rawipKind && !named:
		*v = deviceValue{kind: k}
		return nil
	case k != tapKind && k != tunKind && k != packetKind && k != rawipKind, name == "":
		return fmt.Errorf("expected %s, for example tap:tap0 or packet:eth0", linkForms)
	case len(name) > maxDeviceName || strings.ContainsAny(name, "/:% \t\n"):
		return fmt.Errorf("%q is no name for a device: expected at most %d characters without space, '/', ':' or '%%', for example tap0 or eth0",
			name, maxDeviceName)
	default:
		*v = deviceValue{k, name}
		return nil
	}
}

func (v *deviceValue) String() string {
	if v.name == "" {
		return string(v.kind)
	}
	return string(v.kind) + ":" + v.name
}

func (v *deviceValue) Type() string { return "LINK" }

// A macValue is the value of --mac.
type macValue struct {
	own bool     // the interface's own
	mac wire.MAC // zero: one is chosen
}

const autoMAC, ownMAC = "auto", "own"

func (v *macValue) Set(s string) error {
	switch s {
	case autoMAC:
		*v = macValue{}
		return nil
	case ownMAC:
		*v = macValue{own: true}
		return nil
	}
	b, err := net.ParseMAC(s)
	if err != nil || len(b) != len(v.mac) || wire.MAC(b).IsZero() || wire.MAC(b).IsMulticast() {
		return fmt.Errorf("expected auto, own, or the Ethernet address of one station, for example 02:00:00:00:00:07")
	}
	*v = macValue{mac: wire.MAC(b)}
	return nil
}

func (v *macValue) String() string {
	switch {
	case v.own:
		return ownMAC
	case v.mac.IsZero():
		return autoMAC
	}
	return v.mac.String()
}

func (v *macValue) Type() string { return "MAC" }
