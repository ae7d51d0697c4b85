package sim_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

// datagrams asks an echo server by UDP until it answers.
func (w *randomWorld) datagrams(r *rand.Rand) {
	from, to := w.twoHosts(r)
	n, size := between(r, 1, 30), 8+r.IntN(pick(r, 1200, 1200, 9000))
	// A socket of all addresses would answer by the one that leads back best.
	at := netip.AddrPortFrom(pick(r, to.Addrs()...), 53).String()
	p, err := to.ListenPacket("udp", at)
	if err != nil {
		w.errorf("ListenPacket: %v", err)
		return
	}
	w.note("datagrams: %v to %v at %v, %d times %d bytes", from, to, at, n, size)
	w.app("datagram echo", func(a *app) {
		b := make([]byte, 64<<10)
		for {
			n, from, err := p.ReadFrom(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				a.errorf("ReadFrom: %v", err)
				return
			}
			p.WriteTo(b[:n], from)
		}
	})
	w.app("datagrams", func(a *app) {
		defer p.Close()
		a.own()
		c, err := from.Dial("udp", at)
		if err != nil {
			if !a.excused(from) {
				a.errorf("Dial: %v", err)
			}
			return
		}
		defer c.Close()
		for i := range n {
			// All pieces of a large one must arrive, on each of the paths.
			if !a.ask(c, uint64(i), size) && size <= 1208 && !a.excused(from, to) {
				a.errorf("request %d was not answered", i)
				return
			}
		}
	})
}

func (a *app) ask(c net.Conn, id uint64, size int) bool {
	request, answer := make([]byte, size), make([]byte, 64<<10)
	fill := func(id uint64) []byte {
		s := stream{key: int(id)}
		s.Read(request)
		binary.BigEndian.PutUint64(request, id)
		return request
	}
	for range 30 {
		if _, err := c.Write(fill(id)); errors.Is(err, net.ErrClosed) {
			return false
		}
		c.SetReadDeadline(time.Now().Add(span(a.rand, time.Second, 3*time.Second)))
		for {
			n, err := c.Read(answer)
			if err != nil {
				// Refused while an address is away; no answer in time.
				break
			}
			if n != size {
				a.errorf("%d bytes came back, of %d", n, size)
				return true
			}
			got := binary.BigEndian.Uint64(answer)
			if got > id || string(fill(got)) != string(answer[:n]) {
				a.errorf("the answer to request %d is wrong", got)
			}
			if got == id {
				return true
			}
		}
		pause(time.Second)
	}
	return false
}

// pings asks a host for echoes.
func (w *randomWorld) pings(r *rand.Rand) {
	from, to := w.twoHosts(r)
	addr := pick(r, to.Addrs()...)
	n, size := between(r, 1, 20), r.IntN(1200)
	w.note("pings: %v to %v, %d times %d bytes", from, addr, n, size)
	w.app("pings", func(a *app) {
		p, err := from.NewPinger(addr)
		if err != nil {
			if !a.excused(from) {
				a.errorf("NewPinger: %v", err)
			}
			return
		}
		defer p.Close()
		for range n {
			answered := false
			for try := 0; try < 30 && !answered; try++ {
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				reply, err := p.Ping(ctx, size)
				cancel()
				answered = err == nil
				if answered && (reply.Size != size || reply.From != addr) {
					a.errorf("the answer is %+v", reply)
				}
				pause(time.Second)
			}
			if !answered && !a.excused(from, to) {
				a.errorf("30 pings were not answered")
				return
			}
		}
	})
}
