package crosscheck

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// ends are the two ways in which a benchmark's peers find each other: dial from
// the near end to a listener at the far one, or the other way round.
type ends struct {
	dial   func() (net.Conn, error)
	listen func() (net.Listener, error)
}

// overDevices runs a benchmark between usernet and the kernel on each kind of
// device, in both directions, and between two kernels for comparison.
func overDevices(b *testing.B, f func(b *testing.B, e ends)) {
	for _, d := range []struct {
		name string
		device
	}{
		{"TUN", device{mtu: 1500}},
		{"TAP", device{tap: true, mtu: 1500}},
		{"TUN-single-segments", device{mtu: 1500, single: true}},
	} {
		b.Run(d.name+"/from-usernet", func(b *testing.B) {
			needKernel(b, "ethtool")
			host := newNetns(b)
			s := host.attach(b, d.device)
			f(b, ends{
				func() (net.Conn, error) { return s.Dial("tcp", hostPort(gate4, 7)) },
				func() (net.Listener, error) { return host.listen(gate4) },
			})
		})
		b.Run(d.name+"/from-kernel", func(b *testing.B) {
			needKernel(b, "ethtool")
			host := newNetns(b)
			s := host.attach(b, d.device)
			f(b, ends{
				func() (net.Conn, error) { return host.dial(near4) },
				func() (net.Listener, error) { return s.Listen("tcp", hostPort(near4, 7)) },
			})
		})
	}
	b.Run("veth/kernel-to-kernel", func(b *testing.B) {
		needKernel(b)
		p := newPath(b, pathConfig{mtu: 1500})
		f(b, ends{
			func() (net.Conn, error) { return p.router.dial(far4) },
			func() (net.Listener, error) { return p.far.listen(far4) },
		})
	})
}

// listen opens a listener of the kernel's.
func (ns *netns) listen(addr string) (l net.Listener, err error) {
	ns.do(func() { l, err = net.Listen("tcp", hostPort(addr, 7)) })
	return l, err
}

// dial opens a connection of the kernel's.
func (ns *netns) dial(addr string) (c net.Conn, err error) {
	ns.do(func() { c, err = net.Dial("tcp", hostPort(addr, 7)) })
	return c, err
}

// BenchmarkKernelBulk carries bytes one way; one operation is one Write of 64 KiB,
// received.
func BenchmarkKernelBulk(b *testing.B) {
	overDevices(b, func(b *testing.B, e ends) {
		const size = 64 << 10
		client, server := joined(b, e)
		buf := make([]byte, size)
		b.SetBytes(size)
		b.ReportAllocs()
		b.ResetTimer()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range b.N {
				if _, err := client.Write(buf); err != nil {
					b.Error(err)
					break
				}
			}
			client.(halfCloser).CloseWrite()
		})
		into, arrived := make([]byte, size), 0
		for {
			n, err := server.Read(into)
			arrived += n
			if err != nil {
				if err != io.EOF || arrived != b.N*size {
					b.Errorf("%d bytes of %d arrived: %v", arrived, b.N*size, err)
				}
				break
			}
		}
		wg.Wait()
	})
}

// joined returns the dialing and the listening end of one connection.
func joined(b *testing.B, e ends) (client, server net.Conn) {
	b.Helper()
	l, err := e.listen()
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if client, err = e.dial(); err != nil {
		b.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

// BenchmarkKernelPingPong sends a message there and back; one operation is both.
func BenchmarkKernelPingPong(b *testing.B) {
	for _, size := range []int{1, 16 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			overDevices(b, func(b *testing.B, e ends) {
				client, server := joined(b, e)
				var wg sync.WaitGroup
				wg.Go(func() { answer(server, make([]byte, size)) })
				buf := make([]byte, size)
				b.SetBytes(2 * int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := client.Write(buf); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(client, buf); err != nil {
						b.Fatal(err)
					}
				}
				client.Close()
				wg.Wait()
			})
		})
	}
}

// answer sends back messages of the buffer's size, until there are no more.
func answer(c net.Conn, buf []byte) {
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}
