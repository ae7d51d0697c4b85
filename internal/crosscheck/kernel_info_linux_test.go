package crosscheck

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/tcp"
	"golang.org/x/sys/unix"
)

// infoPair is a connection between usernet and the kernel, both ends of which are
// ours to ask.
type infoPair struct {
	near *usernet.TCPConn
	far  *net.TCPConn
}

// newInfoPair dials a listener in the namespace, whose address is addr.
func newInfoPair(t *testing.T, s *usernet.Stack, host *netns, addr string) infoPair {
	t.Helper()
	var ln net.Listener
	var err error
	host.do(func() { ln, err = net.Listen("tcp", hostPort(addr, 0)) })
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := s.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	near.SetDeadline(time.Now().Add(patience))
	far.SetDeadline(time.Now().Add(patience))
	return infoPair{near.(*usernet.TCPConn), far.(*net.TCPConn)}
}

// kernel returns TCP_INFO.
func (p infoPair) kernel(t *testing.T) (i unix.TCPInfo) {
	t.Helper()
	raw, err := p.far.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err2 := raw.Control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			i = *info
		}
	})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return i
}

// quiet waits until both ends have nothing more to acknowledge, and returns what they
// tell then.
func (p infoPair) quiet(t *testing.T) (tcp.Info, unix.TCPInfo) {
	t.Helper()
	var i tcp.Info
	var k unix.TCPInfo
	for last := uint32(0); ; last = i.SegmentsSent + i.SegmentsReceived {
		i, k = p.near.Info(), p.kernel(t)
		if i.Flight == 0 && i.Unsent == 0 && k.Unacked == 0 && k.Notsent_bytes == 0 && i.SegmentsSent+i.SegmentsReceived == last {
			return i, k
		}
		time.Sleep(100 * time.Millisecond) // longer than an acknowledgment waits
	}
}

// move writes size bytes at one end and reads them at the other.
func move(t *testing.T, from io.Writer, to io.Reader, size int64) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		body, _ := payload(1, size)
		_, err := io.Copy(from, body)
		sent <- err
	}()
	if n, err := io.CopyN(io.Discard, to, size); err != nil {
		t.Fatalf("after %d bytes: %v", n, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// within says whether two numbers are no further apart than that.
func within[T time.Duration | uint32 | uint64](a, b, apart T) bool {
	return max(a, b)-min(a, b) <= apart
}

// TestKernelInfo: Info here and TCP_INFO there tell the same of one transfer each
// way, on a clean wire and on one that loses packets.
func TestKernelInfo(t *testing.T) {
	const size = 4 << 20
	for _, percent := range []int{0, 1} {
		c := bulkCase{device: device{tap: true, mtu: 1500, single: true}, percent: percent}
		t.Run(c.String(), func(t *testing.T) {
			needKernel(t, "nft", "ethtool")
			w := newPath(t, pathConfig{mtu: c.mtu, single: true, percent: percent})
			p := newInfoPair(t, w.router.attach(t, c.device), w.far, far4)
			move(t, p.near, p.far, size)
			move(t, p.far, p.near, size)
			i, k := p.quiet(t)
			t.Logf("here %+v", i)
			t.Logf("there %+v", k)

			var lostTo, lostFrom uint32
			if percent > 0 {
				lostTo, lostFrom = uint32(w.lost(gateDev)), uint32(w.lost(exitDev))
			}
			const handshake = 2 // the kernel may not count its segments for a listener
			for _, x := range []struct {
				what              string
				here, there, most uint64
			}{
				{"bytes sent", i.BytesSent - i.BytesResent, k.Bytes_received, 0},
				{"bytes acknowledged", i.BytesAcked, k.Bytes_received, 0},
				{"bytes received", i.BytesReceived, k.Bytes_acked, 0},
				{"bytes sent there", i.BytesReceived, k.Bytes_sent - k.Bytes_retrans, 0},
				{"segments sent", uint64(i.SegmentsSent - lostTo), uint64(k.Segs_in), handshake},
				{"segments received", uint64(i.SegmentsReceived), uint64(k.Segs_out - lostFrom), handshake},
				{"window here", uint64(i.RcvWnd), uint64(k.Snd_wnd), 0},
				{"window there", uint64(i.SndWnd), uint64(k.Rcv_wnd), 1 << i.SndScale},
				{"segment size here", uint64(i.MSS), uint64(k.Rcv_mss), 0},
				{"segment size there", uint64(i.ReceivedMSS), uint64(k.Snd_mss), 0},
				{"options", options(i), uint64(k.Options), 0},
			} {
				if !within(x.here, x.there, x.most) {
					t.Errorf("%s: %d here, %d there", x.what, x.here, x.there)
				}
			}
			if percent == 0 {
				// On a busy machine something may be sent again all the same.
				if i.TextSegmentsSent != uint64(k.Data_segs_in) || i.TextSegmentsReceived != uint64(k.Data_segs_out) {
					t.Errorf("%d segments with text were sent, and %d arrived; there %d arrived, and %d were sent",
						i.TextSegmentsSent, i.TextSegmentsReceived, k.Data_segs_in, k.Data_segs_out)
				}
			} else if i.BytesResent == 0 || i.OutOfOrder == 0 || i.TextSegmentsSent <= uint64(k.Data_segs_in) || i.TextSegmentsReceived >= uint64(k.Data_segs_out) {
				t.Errorf("%d segments to the kernel were lost, and %d from it", lostTo, lostFrom)
			}
			// Both have measured the same path, but not at the same time.
			if rtt := time.Duration(k.Rtt) * time.Microsecond; i.SRTT <= 0 || !within(i.SRTT, rtt, time.Second) {
				t.Errorf("a round trip takes %v here and %v there", i.SRTT, rtt)
			}
			if i.Busy <= 0 || i.Busy > patience || k.Busy_time == 0 {
				t.Errorf("busy for %v here, %d us there", i.Busy, k.Busy_time)
			}
		})
	}
}

// The bits of tcpi_options.
const (
	optTimestamps = 1 << iota
	optSACK
	optScale
	optECN
	optECNSeen
)

// options returns tcpi_options as Info has them.
func options(i tcp.Info) (o uint64) {
	for _, x := range []struct {
		is  bool
		bit uint64
	}{{i.Timestamps, optTimestamps}, {i.SACK, optSACK}, {i.SndScale > 0, optScale}, {i.ECN != tcp.ECNNone, optECN}, {i.ECNSeen, optECNSeen}} {
		if x.is {
			o |= x.bit
		}
	}
	return o
}

// TestKernelInfoLimited: while nobody reads, the sender is limited by the window, at
// either end, for as long.
func TestKernelInfoLimited(t *testing.T) {
	needKernel(t)
	host := newNetns(t)
	p := newInfoPair(t, host.attach(t, device{tap: true, mtu: 1500}), host, gate4)
	const wait = 2 * time.Second
	began := time.Now()
	go p.near.Write(make([]byte, 64<<20))
	go p.far.Write(make([]byte, 64<<20))
	time.Sleep(wait)
	i, k := p.near.Info(), p.kernel(t)
	most := time.Since(began) + 10*time.Millisecond // the kernel counts in ticks
	there := time.Duration(k.Rwnd_limited) * time.Microsecond
	if i.ReceiveWindowLimited < wait/2 || i.ReceiveWindowLimited > most || i.Busy < i.ReceiveWindowLimited {
		t.Errorf("limited by the window for %v of %v here, want about %v", i.ReceiveWindowLimited, i.Busy, wait)
	}
	if there < wait/2 || there > most {
		t.Errorf("limited by the window for %v there, want about %v", there, wait)
	}
	t.Logf("limited by the window for %v here, %v there", i.ReceiveWindowLimited, there)
}
