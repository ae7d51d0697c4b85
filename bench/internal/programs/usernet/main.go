//go:build linux

// The smallest program that dials over a TUN device with usernet: what it costs is
// measured. Errors are left out.
package main

import (
	"io"
	"net/netip"
	"os"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/tun"
)

func main() {
	s, _ := usernet.New(usernet.Config{})
	dev, _ := tun.Open(tun.Config{Name: "tun0"})
	s.Attach(dev, usernet.Interface{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}})
	c, _ := s.Dial("tcp", "10.0.0.2:7")
	io.Copy(os.Stdout, c)
}
