package ends

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/bench/internal/hop"
	"github.com/usernet-go/usernet/link"
)

// UsernetConfig is what the stacks of usernet are made with.
func UsernetConfig(algorithm string) usernet.Config {
	return usernet.Config{SendBuffer: largest, ReceiveBuffer: largest, CongestionControl: algorithm}
}

// joinUsernet makes two stacks of usernet.
func joinUsernet(h *hop.Hop, algorithm string) (Pair, error) {
	var links [2]*memory
	for i := range links {
		links[i] = &memory{hop: h, way: hop.Way(i), ready: make(chan struct{}), done: make(chan struct{})}
	}
	pair := h.AddPorts(links[0].arrive, links[1].arrive)
	p := new(usernetPair)
	for i, l := range links {
		l.pair = pair
		var err error
		if p.hosts[i], err = newUsernetHost(i, l, UsernetConfig(algorithm)); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

type usernetPair struct{ hosts [2]*usernetHost }

func (p *usernetPair) Host(i int) Host { return p.hosts[i] }

func (p *usernetPair) Close() {
	for _, h := range p.hosts {
		if h != nil {
			h.stack.Close()
		}
	}
}

type usernetHost struct {
	stack    *usernet.Stack
	listener net.Listener
	peer     string
}

func newUsernetHost(i int, l link.Link, config usernet.Config) (*usernetHost, error) {
	s, err := usernet.New(config)
	if err != nil {
		return nil, err
	}
	prefix := netip.PrefixFrom(netip.AddrFrom4(addresses[i]), 24)
	err = s.Attach(l, usernet.Interface{Addrs: []netip.Prefix{prefix}})
	if err != nil {
		s.Close()
		return nil, err
	}
	ln, err := s.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		s.Close()
		return nil, err
	}
	return &usernetHost{s, ln, address(1 - i)}, nil
}

func (h *usernetHost) Listener() net.Listener { return h.listener }

func (h *usernetHost) Dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	defer cancel()
	return h.stack.DialContext(ctx, "tcp", h.peer)
}

func (h *usernetHost) Resent(c net.Conn) (int, error) {
	return c.(*usernet.TCPConn).Info().Resent, nil
}

// memory is a link whose packets a hop carries. Nobody computes checksums, since no
// byte leaves memory; but packets are as long as on a wire.
type memory struct {
	hop  *hop.Hop
	pair int
	way  hop.Way

	begin   sync.Once
	ready   chan struct{} // deliver is set
	deliver func([]link.Packet)
	batch   []link.Packet // of arrive, which is called on the hop's thread alone

	end  sync.Once
	done chan struct{}
}

func (m *memory) Info() link.Info {
	return link.Info{Medium: link.IP, MTU: mtu, MaxPieces: 64, ChecksumOffload: true, Queues: 1}
}

func (m *memory) Send(batch []link.Packet) (int, error) {
	select {
	case <-m.done:
		return 0, os.ErrClosed
	default:
	}
	for i := range batch {
		m.hop.Send(m.pair, m.way, batch[i].Data...)
	}
	return len(batch), nil
}

func (m *memory) Receive(_ int, deliver func([]link.Packet)) error {
	m.begin.Do(func() {
		m.deliver = deliver
		close(m.ready)
	})
	<-m.done
	return nil
}

func (m *memory) arrive(packets [][]byte) {
	select {
	case <-m.done:
		return
	case <-m.ready:
	}
	m.batch = m.batch[:0]
	for i := range packets {
		m.batch = append(m.batch, link.Packet{
			Data:    packets[i : i+1],
			Offload: link.Offload{Checksum: link.ChecksumVerified},
		})
	}
	m.deliver(m.batch)
}

// Close follows the hop's, which waits for deliveries.
func (m *memory) Close() error {
	m.end.Do(func() { close(m.done) })
	return nil
}
