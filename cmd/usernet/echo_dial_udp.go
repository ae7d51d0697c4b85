package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet"
)

const (
	maxLine       = 1200 // bytes of a line in one datagram: that fits into any MTU that IPv6 allows
	maxUnanswered = 32   // datagrams that may be on their way at once
	answerTime    = 1 * time.Second
)

// overUDP sends each line of the input as a datagram, and writes those that come
// back. Longer lines are cut.
func (d *dialed) overUDP(ctx context.Context, s *usernet.Stack, peer string) error {
	c, err := s.DialContext(ctx, "udp", peer)
	if err != nil {
		return err
	}
	defer c.Close()
	v := newVolley(c, d)
	lines := bufio.NewReaderSize(d.in, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if err := v.send(line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return v.end()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// A volley is datagrams that are sent to a peer and expected back.
type volley struct {
	c        net.Conn
	d        *dialed
	sent     int // datagrams
	givenUp  int // of these, which nobody waits for any more
	returned atomic.Int64
	bell     chan struct{} // rings after returned has changed
	failed   chan error    // why nothing returns any more
}

func newVolley(c net.Conn, d *dialed) *volley {
	v := &volley{c: c, d: d, bell: make(chan struct{}, 1), failed: make(chan error, 1)}
	go v.receive()
	return v
}

// receive writes what returns to the output, until the connection is closed.
func (v *volley) receive() {
	out := &countingWriter{v.d.out, &v.d.returned}
	buf := make([]byte, maxDatagram)
	for {
		n, err := v.c.Read(buf)
		if err == nil {
			_, err = out.Write(buf[:n])
		}
		if err != nil {
			v.failed <- err
			return
		}
		v.returned.Add(1)
		select {
		case v.bell <- struct{}{}:
		default: // it rings already
		}
	}
}

// send sends one datagram, once there is room for it among those on their way.
func (v *volley) send(b []byte) error {
	if err := v.await(maxUnanswered - 1); err != nil {
		return err
	}
	n, err := v.c.Write(b)
	v.d.sent.Add(int64(n))
	v.sent++
	return err
}

// end waits for all datagrams; its error says how many did not return.
func (v *volley) end() error {
	if err := v.await(0); err != nil {
		return err
	}
	if missing := v.sent - int(v.returned.Load()); missing > 0 {
		return fmt.Errorf("%d of %d datagrams did not come back within %v", missing, v.sent, answerTime)
	}
	return nil
}

// await waits until at most n datagrams are on their way. When none returns for
// answerTime, it gives up those that are.
func (v *volley) await(n int) error {
	timeout := time.NewTimer(answerTime)
	defer timeout.Stop()
	for {
		onTheirWay := v.sent - v.givenUp - int(v.returned.Load())
		if onTheirWay <= n {
			return nil
		}
		select {
		case <-v.bell:
			timeout.Reset(answerTime)
		case err := <-v.failed:
			return err
		case <-timeout.C:
			v.givenUp += onTheirWay
		}
	}
}
