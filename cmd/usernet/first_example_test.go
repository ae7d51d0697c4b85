package main_test

import (
	"io"
	"os"

	"github.com/usernet-go/usernet"
)

func Example_first() {
	s, _ := usernet.New(usernet.Config{}) // a host of its own: it reaches itself at 127.0.0.1
	ln, _ := s.Listen("tcp", ":7")
	go func() { c, _ := ln.Accept(); io.WriteString(c, "hello from usernet\n"); c.Close() }()
	c, _ := s.Dial("tcp", "127.0.0.1:7")
	io.Copy(os.Stdout, c)
	// Output: hello from usernet
}
