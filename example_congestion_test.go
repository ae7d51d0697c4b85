package usernet_test

import (
	"fmt"
	"io"
	"log"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/sim"
	"github.com/usernet-go/usernet/tcp"
)

// gentle is NewReno that gives up a tenth of the window when something is lost, in
// place of half of it.
type gentle struct {
	tcp.NewReno
	losses int
}

func (g *gentle) Lost(w *tcp.Window, l tcp.Loss) {
	g.losses++
	w.SlowStartThreshold = max(l.Flight*9/10, 2*w.MSS)
	w.Bytes = w.SlowStartThreshold
	if l.Timeout {
		w.Bytes = w.MSS
	}
}

func init() {
	err := usernet.RegisterCongestionControl("gentle", func() tcp.CongestionControl { return new(gentle) })
	if err != nil {
		log.Fatal(err)
	}
}

// An algorithm of one's own, on a path in memory that loses packets.
func ExampleRegisterCongestionControl() {
	w := sim.New(sim.Config{Seed: 1})
	defer w.Close()
	client, server := w.Host("client"), w.Host("server")
	w.Connect(client, server, sim.Path{Delay: time.Millisecond, Loss: 0.01})

	ln, err := server.Listen("tcp", ":7")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		d := usernet.Dialer{Stack: client.Stack, CongestionControl: "gentle"}
		c, err := d.Dial("tcp", "server:7")
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		fmt.Println("sending with", c.(*usernet.TCPConn).Info().CongestionControl)
		c.Write(make([]byte, 100_000))
	}()
	c, err := ln.Accept()
	if err != nil {
		log.Fatal(err)
	}
	n, err := io.Copy(io.Discard, c)
	fmt.Println(n, "bytes have arrived", err)
	c.Close()
	// Output:
	// sending with gentle
	// 100000 bytes have arrived <nil>
}
