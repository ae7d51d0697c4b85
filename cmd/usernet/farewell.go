package main

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/usernet-go/usernet"
)

// lastWords is how many seconds a peer has to acknowledge the end of a
// connection, before the stack's own end would reset what is still on its way.
const lastWords = 10

// A dialFunc makes a connection, as net.Dialer.DialContext does.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// A farewell lets the connections that it has dialled, which others close, end in
// good order before the stack is closed.
type farewell struct {
	dial dialFunc
	open sync.WaitGroup
}

func (f *farewell) dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := f.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if t, ok := c.(*usernet.TCPConn); ok {
		t.SetLinger(lastWords)
	}
	f.open.Add(1)
	return &farewellConn{c, sync.OnceValue(func() error {
		defer f.open.Done()
		return c.Close()
	})}, nil
}

// A farewellConn is known to be closed once its Close has returned.
type farewellConn struct {
	net.Conn
	close func() error
}

func (c *farewellConn) Close() error { return c.close() }

// wait returns when all connections are closed, ctx is done, or lastWords have
// passed.
func (f *farewell) wait(ctx context.Context) {
	closed := make(chan struct{})
	go func() {
		f.open.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	case <-time.After(lastWords * time.Second):
	}
}
