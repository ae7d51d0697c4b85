package sides

import (
	"context"
	"net/rpc"
	"runtime"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// A Side is one process's part in a measurement, as the other one calls it by net/rpc.
type Side struct {
	spec   Spec
	host   host
	peer   *rpc.Client
	server *load.Server
	setUp  func() error
}

// None is an argument or a result that is not there.
type None struct{}

// SetUp configures the far namespace, when its device is there.
func (s *Side) SetUp(None, *None) error { return s.setUp() }

// Serve begins the server's part.
func (s *Side) Serve(None, *None) (err error) {
	s.server, err = load.Serve(s.spec.Work, s.host.listen)
	return err
}

// Run does the client's part.
func (s *Side) Run(_ None, f *load.Figures) (err error) {
	*f, err = load.Run(context.Background(), s.spec.Work, s.host.dial, remote{s.peer})
	return err
}

// Usage returns what this process has used.
func (s *Side) Usage(_ None, u *load.Usage) error {
	*u = load.ReadUsage()
	return nil
}

// Rest returns it when so many connections are held, and all garbage is collected.
func (s *Side) Rest(held int, u *load.Usage) error {
	if err := s.server.WaitHeld(held); err != nil {
		return err
	}
	*u = load.ReadRest()
	return nil
}

// Arrived returns how many bytes of bulk were read.
func (s *Side) Arrived(_ None, n *uint64) error {
	*n = s.server.Arrived()
	return nil
}

// Release closes all connections that are held.
func (s *Side) Release(None, *None) error { return s.server.Release() }

// remote is a server in another process.
type remote struct{ client *rpc.Client }

func (r remote) Usage() (u load.Usage, err error) {
	err = r.client.Call("Side.Usage", None{}, &u)
	return u, err
}

func (r remote) Rest(held int) (u load.Usage, err error) {
	err = r.client.Call("Side.Rest", held, &u)
	return u, err
}

func (r remote) Arrived() (n uint64, err error) {
	err = r.client.Call("Side.Arrived", None{}, &n)
	return n, err
}

func (r remote) Release() error { return r.client.Call("Side.Release", None{}, new(None)) }

// local is a server in the client's process, whose usage counts once.
type local struct{ server *load.Server }

func (l local) Usage() (load.Usage, error) { return load.Usage{}, nil }

func (l local) Rest(held int) (load.Usage, error) { return load.Usage{}, l.server.WaitHeld(held) }

func (l local) Arrived() (uint64, error) { return l.server.Arrived(), nil }

func (l local) Release() error { return l.server.Release() }

// runJoined measures two stacks in this process.
func runJoined(ctx context.Context, s Spec) (load.Figures, error) {
	hosts, err := joined(s)
	if err != nil {
		return nil, err
	}
	server, err := load.Serve(s.Work, hosts[1].listen)
	if err != nil {
		return nil, err
	}
	f, err := load.Run(ctx, s.Work, hosts[0].dial, local{server})
	runtime.KeepAlive(hosts)
	return f, err
}
