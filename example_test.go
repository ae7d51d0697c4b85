package usernet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"syscall"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/link/tun"
)

// twoStacks joins two stacks by a wire in memory; the examples use them.
func twoStacks() (client, server *usernet.Stack) {
	a, b := pipe.New(pipe.Config{})
	stacks := make([]*usernet.Stack, 2)
	for i, l := range []link.Link{a, b} {
		s, err := usernet.New(usernet.Config{})
		if err != nil {
			log.Fatal(err)
		}
		addr := netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/24", i+1))
		if err := s.Attach(l, usernet.Interface{Name: "eth0", Addrs: []netip.Prefix{addr}}); err != nil {
			log.Fatal(err)
		}
		stacks[i] = s
	}
	return stacks[0], stacks[1]
}

// Two stacks and a wire in memory between them: an echo, without root.
func Example() {
	near, far := pipe.New(pipe.Config{MTU: 1500, GSO: true})

	server, _ := usernet.New(usernet.Config{})
	defer server.Close()
	server.Attach(far, usernet.Interface{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")}})
	l, err := server.Listen("tcp", ":7")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(c, c)
		c.Close()
	}()

	client, _ := usernet.New(usernet.Config{})
	defer client.Close()
	client.Attach(near, usernet.Interface{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}})
	c, err := client.Dial("tcp", "10.0.0.2:7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(c, "hello, wire")
	c.(*usernet.TCPConn).CloseWrite()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	// Output: hello, wire <nil>
}

// net/http needs a listener on one side and a DialContext on the other.
func ExampleStack_Listen() {
	client, server := twoStacks()
	defer client.Close()
	defer server.Close()

	l, err := server.Listen("tcp", ":http")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "you asked for %s", r.URL.Path)
	}))

	web := http.Client{Transport: &http.Transport{DialContext: client.DialContext}}
	resp, err := web.Get("http://10.0.0.2/index.html")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, string(body))
	// Output: 200 OK you asked for /index.html
}

// A web server on a TAP device: the kernel, and whoever it forwards for, sees one
// more host. (Opening the device needs CAP_NET_ADMIN, so this one is not run.)
func ExampleStack_Attach() {
	dev, err := tun.Open(tun.Config{Name: "tap0", TAP: true})
	if err != nil {
		log.Fatal(err) // says which capability is missing, and how to get it
	}
	s, err := usernet.New(usernet.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close() // closes the device, too
	err = s.Attach(dev, usernet.Interface{
		Name:     "eth0",
		Addrs:    []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")},
		Gateways: []netip.Addr{netip.MustParseAddr("10.0.0.254")},
	})
	if err != nil {
		log.Fatal(err)
	}
	l, err := s.Listen("tcp", ":http")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, http.FileServer(http.Dir("."))))
}

func ExampleStack_ListenPacket() {
	client, server := twoStacks()
	defer client.Close()
	defer server.Close()

	p, err := server.ListenPacket("udp", ":53")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		buf := make([]byte, 1500)
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			log.Fatal(err)
		}
		p.WriteTo(append([]byte("re: "), buf[:n]...), from)
	}()

	c, err := client.Dial("udp", "10.0.0.2:53")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(c, "question")
	buf := make([]byte, 1500)
	n, err := c.Read(buf)
	fmt.Println(string(buf[:n]), err)
	// Output: re: question <nil>
}

// Errors are those of package net.
func ExampleDialer() {
	client, server := twoStacks()
	defer client.Close()
	defer server.Close()

	d := usernet.Dialer{Stack: client, LocalAddr: &net.TCPAddr{Port: 2000}}
	_, err := d.Dial("tcp", "10.0.0.2:9")
	fmt.Println(err)
	fmt.Println(errors.Is(err, syscall.ECONNREFUSED))
	// Output:
	// dial tcp :2000->10.0.0.2:9: connect: connection refused
	// true
}

// A stack that knows some names by itself; Resolver.Servers would have it ask for
// others.
func ExampleResolver() {
	s, err := usernet.New(usernet.Config{Resolver: &usernet.Resolver{
		Hosts: map[string][]netip.Addr{"printer.lan": {netip.MustParseAddr("10.0.0.9")}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"printer.lan", "localhost", "scanner.lan"} {
		addrs, err := s.Resolver().LookupHost(context.Background(), name)
		fmt.Println(addrs, err)
	}
	// Output:
	// [10.0.0.9] <nil>
	// [::1 127.0.0.1] <nil>
	// [] lookup scanner.lan: no such host
}
