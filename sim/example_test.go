package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// Two hosts, and a connection between them. An example has no *testing.T, which
// testing/synctest needs: so time is real here, and Close is called by hand.
func Example() {
	w := sim.New(sim.Config{Seed: 1})
	defer w.Close()
	client, server := w.Host("client"), w.Host("server")
	w.Connect(client, server, sim.Path{Delay: 2 * time.Millisecond})

	ln, err := server.Listen("tcp", ":7")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(c, "hello from", c.LocalAddr())
		c.Close()
	}()
	c, err := client.Dial("tcp", "server:7")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	io.Copy(os.Stdout, c)
	// Output: hello from 10.0.0.2:7
}

// A partition, and what comes after.
func ExampleCable_Cut() {
	w := sim.New(sim.Config{Seed: 1})
	defer w.Close()
	client, server := w.Host("client"), w.Host("server")
	cable := w.Connect(client, server, sim.Path{Delay: time.Millisecond})
	if _, err := server.Listen("tcp", ":7"); err != nil {
		log.Fatal(err)
	}

	cable.Cut()
	_, err := client.DialTimeout("tcp", "server:7", 20*time.Millisecond)
	fmt.Println(err)
	fmt.Println("the deadline:", errors.Is(err, context.DeadlineExceeded))

	cable.Heal()
	c, err := client.Dial("tcp", "server:7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("connected to", c.RemoteAddr())
	// Output:
	// dial tcp 10.0.0.2:7: i/o timeout
	// the deadline: true
	// connected to 10.0.0.2:7
}

// Two hosts in one Ethernet, and a router that leads to a third.
func ExampleWorld_Router() {
	w := sim.New(sim.Config{Seed: 1})
	defer w.Close()
	lan, gateway := w.Switch("lan"), w.Router("gateway")
	laptop, printer, web := w.Host("laptop"), w.Host("printer"), w.Host("web")
	for _, node := range []sim.Node{laptop, printer, gateway} {
		w.Connect(node, lan, sim.Path{Rate: sim.Gbps})
	}
	w.Connect(gateway, web, sim.Path{Delay: time.Millisecond, Rate: 50 * sim.Mbps})

	for _, h := range []*sim.Host{laptop, printer, web} {
		fmt.Println(h, h.Addrs())
	}
	ln, err := web.Listen("tcp", ":80")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := laptop.Dial("tcp", "web:80"); err != nil {
		log.Fatal(err)
	}
	c, err := ln.Accept()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("web is called from", c.RemoteAddr().(*net.TCPAddr).IP)
	// Output:
	// laptop [10.128.0.1 fd00:0:0:8000::1]
	// printer [10.128.0.2 fd00:0:0:8000::2]
	// web [10.0.0.2 fd00::2]
	// web is called from 10.128.0.1
}

// The second packet is lost, and no other.
func ExampleNth() {
	w := sim.New(sim.Config{Seed: 1})
	defer w.Close()
	sensor, station := w.Host("sensor"), w.Host("station")
	cable := w.Connect(sensor, station, sim.Path{Drop: sim.Nth(2)})

	socket, err := station.ListenPacket("udp", ":9")
	if err != nil {
		log.Fatal(err)
	}
	c, err := sensor.Dial("udp", "station:9")
	if err != nil {
		log.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		fmt.Fprintf(c, "value %d", i)
	}
	b := make([]byte, 100)
	for range 2 {
		n, _, err := socket.ReadFrom(b)
		fmt.Println(string(b[:n]), err)
	}
	there, _ := cable.Stats()
	fmt.Println(there.Sent, "sent,", there.Picked, "picked,", there.Arrived, "arrived")
	// Output:
	// value 1 <nil>
	// value 3 <nil>
	// 3 sent, 1 picked, 2 arrived
}
