package load

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Ports of a server. Each kind of work has some, so that neither the client's ports nor
// one listener's lock bound it.
const (
	sinkPort  = 7000 // reads all, and says at the end how much that was
	echoPort  = 7100 // sends back what it gets
	echoPorts = 8
	holdPort  = 7200 // keeps connections, and reads if readers are to be blocked
	holdPorts = 64
)

// bufferSize is that of an application which reads and writes in bulk.
const bufferSize = 64 << 10

// A Server does the server's part of a work.
type Server struct {
	work    Work
	arrived atomic.Uint64 // at all sinks

	mu    sync.Mutex
	moved sync.Cond // held has grown; on mu
	held  []net.Conn
}

// Serve listens for what w needs. Listeners end with their stack.
func Serve(w Work, listen func(port int) (net.Listener, error)) (*Server, error) {
	s := &Server{work: w}
	s.moved.L = &s.mu
	s.held = make([]net.Conn, 0, w.Pairs)
	first, n, serve := holdPort, holdPorts, s.hold
	switch w.Kind {
	case Bulk:
		first, n, serve = sinkPort, 1, s.sink
	case PingPong:
		first, n, serve = echoPort, 1, s.echo
		if err := s.listen(listen, sinkPort, s.sink); err != nil {
			return nil, err
		}
	case Connect:
		first, n, serve = echoPort, echoPorts, s.echo
	case Many:
		serve = s.echo
	}
	for i := range n {
		if err := s.listen(listen, first+i, serve); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) listen(listen func(int) (net.Listener, error), port int, serve func(net.Conn)) error {
	ln, err := listen(port)
	if err != nil {
		return fmt.Errorf("port %d: %w", port, err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if s.work.Kind == Idle && !s.work.Blocked || s.work.Kind == Keep {
				serve(c) // which does not wait: no goroutine comes and goes
				continue
			}
			go serve(c)
		}
	}()
	return nil
}

// sink reads all, and answers with the count.
func (s *Server) sink(c net.Conn) {
	defer c.Close()
	buf := make([]byte, bufferSize)
	total := uint64(0)
	for {
		n, err := c.Read(buf)
		total += uint64(n)
		s.arrived.Add(uint64(n))
		if err == io.EOF {
			c.Write(binary.BigEndian.AppendUint64(nil, total))
			return
		}
		if err != nil {
			return
		}
	}
}

// Arrived returns how many bytes of bulk were read.
func (s *Server) Arrived() uint64 { return s.arrived.Load() }

// echo sends back what it gets, Size bytes at a time.
func (s *Server) echo(c net.Conn) {
	defer c.Close()
	buf := make([]byte, max(1, s.work.Size))
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// hold keeps a connection until the client closes it, if it reads, or until Release.
func (s *Server) hold(c net.Conn) {
	s.mu.Lock()
	s.held = append(s.held, c)
	s.mu.Unlock()
	s.moved.Broadcast()
	if s.work.Blocked {
		var b [1]byte
		c.Read(b[:])
	}
}

// patience is how long connections may take to be accepted that were dialled.
const patience = 30 * time.Second

// WaitHeld waits until so many connections are held.
func (s *Server) WaitHeld(n int) error {
	late := false
	defer time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.moved.Broadcast()
	}).Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.held) < n && !late {
		s.moved.Wait()
	}
	if len(s.held) < n {
		return fmt.Errorf("%d connections of %d arrived", len(s.held), n)
	}
	return nil
}

// Release closes all connections that are held.
func (s *Server) Release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.held {
		if err := c.Close(); err != nil {
			return err
		}
	}
	s.held = nil
	return nil
}
