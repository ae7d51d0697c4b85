package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"

	"github.com/usernet-go/usernet"
)

// serveOne sends back what the first connection to ln brings. It tells which one that
// is; nil: none.
func serveOne(ln net.Listener, accepted chan<- *usernet.TCPConn) {
	conn, err := ln.Accept()
	if err != nil {
		close(accepted) // the network was closed
		return
	}
	c := conn.(*usernet.TCPConn)
	accepted <- c
	io.Copy(c, c) // an error shows at the other end
	c.Close()
}

// echo sends random bytes through c to the server, and checks that they come back.
func (d *demo) echo(c *usernet.TCPConn) error {
	defer c.Close()

	sentHash := sha256.New()
	sent := make(chan error, 1)
	go func() {
		source := io.LimitReader(d.source(), int64(d.size.n))
		_, err := io.Copy(io.MultiWriter(c, sentHash), source)
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()

	returnedHash := sha256.New()
	check := &checker{want: d.source()}
	_, err := io.Copy(io.MultiWriter(&countingWriter{check, &d.returned}, returnedHash), c)
	if err != nil {
		return fmt.Errorf("after %d bytes: %w", check.n, err)
	}
	if err := <-sent; err != nil {
		return err
	}
	if check.n != d.size.n {
		return fmt.Errorf("%d bytes came back of %d", check.n, d.size.n)
	}
	if !bytes.Equal(sentHash.Sum(nil), returnedHash.Sum(nil)) {
		return errors.New("what came back has another SHA-256 than what was sent")
	}
	return nil
}

// source returns the bytes to be sent, without end: the same at each call.
func (d *demo) source() io.Reader {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(d.seed.n))
	return rand.NewChaCha8(seed)
}

// A checker compares what is written to it with what is wanted.
type checker struct {
	want io.Reader
	n    int // bytes compared
	buf  []byte
}

func (c *checker) Write(b []byte) (int, error) {
	c.buf = append(c.buf[:0], b...)
	if _, err := io.ReadFull(c.want, c.buf); err != nil {
		return 0, err
	}
	for i := range b {
		if b[i] != c.buf[i] {
			return i, fmt.Errorf("byte %d came back as %#02x, and was sent as %#02x", c.n+i, b[i], c.buf[i])
		}
	}
	c.n += len(b)
	return len(b), nil
}
