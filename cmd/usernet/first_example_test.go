package main_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/netip"
	"os"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

func Example_first() {
	a, b := pipe.New(pipe.Config{}) // a wire in memory, and its two ends
	server, _ := usernet.New(usernet.Config{})
	server.Attach(a, usernet.Interface{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}})
	client, _ := usernet.New(usernet.Config{})
	client.Attach(b, usernet.Interface{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")}})
	ln, _ := server.Listen("tcp", ":80")
	go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello from", r.Host)
	}))
	browser := http.Client{Transport: &http.Transport{DialContext: client.DialContext}}
	resp, err := browser.Get("http://10.0.0.1/")
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(os.Stdout, resp.Body)
	// Output: hello from 10.0.0.1
}
