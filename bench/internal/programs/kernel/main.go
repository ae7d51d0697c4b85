// The smallest program that dials with package net, for comparison. Errors are left out.
package main

import (
	"io"
	"net"
	"os"
)

func main() {
	c, _ := net.Dial("tcp", "10.0.0.2:7")
	io.Copy(os.Stdout, c)
}
