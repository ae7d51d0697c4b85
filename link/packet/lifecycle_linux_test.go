package packet_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/internal/linktest"
	"github.com/usernet-go/usernet/link/packet"
	"github.com/usernet-go/usernet/wire"
)

// What cannot be opened says why, and leaves nothing behind.
func TestOpenRefuses(t *testing.T) {
	ns := linktest.NewNamespace(t)
	ns.Run("ip link set lo up")
	ns.Run("ip tuntap add dev tun0 mode tun")
	before := descriptors(t)
	for _, tt := range []struct {
		cfg  packet.Config
		errs error
		want string
	}{
		{packet.Config{Interface: "none0"}, syscall.ENODEV, `no interface "none0"`},
		{packet.Config{Interface: "sixteen-bytes-16"}, syscall.EINVAL, `"sixteen-bytes-16"`},
		{packet.Config{}, syscall.ENODEV, `no interface ""`},
		{packet.Config{Interface: "lo"}, errors.ErrUnsupported, "lo is no Ethernet interface"},
		{packet.Config{Interface: "tun0"}, errors.ErrUnsupported, "tun0 is no Ethernet interface"},
		{packet.Config{Interface: "lo", MAC: wire.MAC{1}}, nil, "01:00:00:00:00:00 is the address of a group"},
		{packet.Config{Interface: "lo", MAC: wire.MAC{2}, InterfaceMAC: true}, nil, "want one of them"},
	} {
		ns.Do(func() {
			l, err := packet.Open(tt.cfg)
			if l != nil {
				l.Close()
			}
			if err == nil || tt.errs != nil && !errors.Is(err, tt.errs) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open(%+v) = %v, want %v and %s", tt.cfg, err, tt.errs, tt.want)
			}
		})
	}
	ns.Do(func() {
		if _, err := packet.OpenTap(packet.TapConfig{Interface: "none0"}); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("OpenTap = %v, want ENODEV", err)
		}
	})
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

// Without the capability, the error names it.
func TestOpenWithoutPrivilege(t *testing.T) {
	runtime.LockOSThread() // the thread ends with the test, and takes its loss along
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	_, err := packet.Open(packet.Config{Interface: "lo"})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_RAW") || !strings.Contains(err.Error(), "setcap") {
		t.Errorf("Open = %v, want what capability is missing and how to get it", err)
	}
	if _, err := packet.OpenTap(packet.TapConfig{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("OpenTap = %v", err)
	}
}

// descriptors returns how many descriptors the process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// goroutines waits until there are no more than n.
func goroutines(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("more than %d goroutines:\n%s", n, buf[:runtime.Stack(buf, true)])
		}
	}
}

// Close ends Receive and waits for its delivery; nothing stays behind.
func TestClose(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	beforeFDs, beforeGoroutines := descriptors(t), runtime.NumGoroutine()
	l := openLink(t, host, packet.Config{})
	if !strings.Contains(host.Run("ip -s maddress show dev "+dev)+host.Run("ip -d link show dev "+dev), "allmulti 1") {
		t.Error("the interface does not receive all groups")
	}
	entered, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var left bool
	ended := make(chan error)
	go func() {
		ended <- l.Receive(0, func([]link.Packet) {
			once.Do(func() {
				close(entered)
				<-hold
				left = true
			})
		})
	}()
	var conn *net.UDPConn
	peer.Do(func() { conn = dialUDP(t, near4, 9) })
	write(t, conn, 1) // an ARP request
	conn.Close()
	<-entered
	if err := l.Receive(0, nil); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("second Receive = %v", err)
	}
	if err := l.Receive(1, nil); err == nil || !strings.Contains(err.Error(), "no receive queue 1") {
		t.Errorf("Receive of queue 1 = %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { close(hold) })
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if !left {
		t.Error("Close returns while deliver runs")
	}
	if err := <-ended; err != nil {
		t.Errorf("Receive = %v after Close", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if n, err := l.Send([]link.Packet{{Data: [][]byte{{1}}}}); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Send after Close = %d, %v, want os.ErrClosed", n, err)
	}
	if err := l.Receive(0, nil); err != nil {
		t.Errorf("Receive after Close = %v, want nil", err)
	}
	if !strings.Contains(host.Run("ip -d link show dev "+dev), "allmulti 0") {
		t.Error("the interface still receives all groups")
	}
	goroutines(t, beforeGoroutines)
	if n := descriptors(t); n != beforeFDs {
		t.Errorf("%d descriptors, %d before", n, beforeFDs)
	}
}

// Senders on several goroutines, and Close among them.
func TestCloseAmongSenders(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, packet.Config{})
	head, offload := udpHead(t, l, peerMAC(peer), 4)
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			batch := []link.Packet{{Data: [][]byte{head, {1, 2}, {3, 4}}, Offload: offload}, {Data: [][]byte{head, {1, 2, 3, 4}}, Offload: offload}}
			for {
				if _, err := l.Send(batch); err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Errorf("Send = %v", err)
					}
					return
				}
			}
		})
	}
	time.Sleep(10 * time.Millisecond) // so that they send; nothing depends on it
	l.Close()
	senders.Wait()
}

// An interface that goes down and comes up again costs a transfer time, not
// bytes; the link says what is the matter.
func TestInterfaceDownAndUp(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, packet.Config{})
	s := attach(t, l)
	ln := listen(t, peer, "tcp", peer4)
	defer ln.Close()
	got := sum(t, ln)
	conn, err := s.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	enough, sent := make(chan struct{}), make(chan [32]byte)
	go func() {
		text, _ := payload(1 << 20)
		h := sha256.New()
		defer func() { sent <- [32]byte(h.Sum(nil)) }()
		for {
			select {
			case <-enough:
				send(t, conn, nil, nil)
				return
			default:
			}
			if n, err := conn.Write(text); err != nil {
				t.Errorf("Write = %d, %v", n, err)
				return
			}
			h.Write(text)
		}
	}()
	head, offload := udpHead(t, l, peerMAC(peer), 0)
	probe := []link.Packet{{Data: [][]byte{head}, Offload: offload}}
	for range 3 {
		host.Run("ip link set " + dev + " down")
		if n, err := l.Send(probe); n != 0 || !errors.Is(err, syscall.ENETDOWN) || !strings.Contains(err.Error(), dev+" is down") {
			t.Errorf("Send while the interface is down = %d, %v, want ENETDOWN", n, err)
		}
		host.Run("ip link set " + dev + " up")
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			if n, err := l.Send(probe); n == 1 && err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("Send does not work when the interface is up again")
			}
		}
	}
	close(enough)
	if <-sent != <-got {
		t.Error("the peer reads something else than was sent")
	}
}

// An interface that is removed ends Receive, up or down as it may be, and says
// so; one that is down when the link is opened works when it comes up.
func TestInterfaceGone(t *testing.T) {
	for _, down := range []bool{false, true} {
		host, peer := twoHosts(t, 1500)
		host.Run("ip link set " + dev + " down")
		l := openLink(t, host, packet.Config{})
		ended, arrived := make(chan error, 1), make(chan struct{}, 1)
		go func() {
			ended <- l.Receive(0, func([]link.Packet) {
				select {
				case arrived <- struct{}{}:
				default:
				}
			})
		}()
		host.Run("ip link set " + dev + " up")
		var conn *net.UDPConn
		peer.Do(func() { conn = dialUDP(t, near4, 9) })
		write(t, conn, 1) // an ARP request
		conn.Close()
		<-arrived
		head, offload := udpHead(t, l, peerMAC(peer), 0)
		if down {
			host.Run("ip link set " + dev + " down")
		}
		host.Run("ip link delete " + dev)
		select {
		case err := <-ended:
			if !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), dev+" is gone") {
				t.Errorf("Receive = %v, want ENODEV", err)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("Receive does not notice that the interface is gone")
		}
		if _, err := l.Send([]link.Packet{{Data: [][]byte{head}, Offload: offload}}); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("Send = %v, want ENODEV", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// What the kernel refuses ends a batch where it stands.
func TestSendRefused(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	l := openLink(t, host, packet.Config{})
	head, offload := udpHead(t, l, peerMAC(peer), 0)
	good := link.Packet{Data: [][]byte{head}, Offload: offload}
	for _, tt := range []struct {
		name string
		bad  link.Packet
		want error
	}{
		{"checksum outside", link.Packet{Data: good.Data, Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: 5000}}, syscall.EINVAL},
		{"nothing", link.Packet{}, syscall.EINVAL},
		{"too large", link.Packet{Data: [][]byte{head, make([]byte, 2000)}}, syscall.EMSGSIZE},
	} {
		if n, err := l.Send([]link.Packet{good, good, tt.bad, good}); n != 2 || !errors.Is(err, tt.want) {
			t.Errorf("%s: Send = %d, %v, want 2 and %v", tt.name, n, err, tt.want)
		}
	}
}

// The programs nc and curl of the peer against servers of the stack's.
func TestPrograms(t *testing.T) {
	host, peer := twoHosts(t, 1500)
	s := attach(t, openLink(t, host, packet.Config{}))
	for _, address := range []string{near4, near6} {
		ln, err := s.Listen("tcp", net.JoinHostPort(address, "80"))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				conn.Read(make([]byte, 1000))
				io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
				conn.Close()
			}
		}()
		if out := peer.Run("curl -sS -m 10 http://" + net.JoinHostPort(address, "80") + "/"); out != "hello" {
			t.Errorf("curl: %q", out)
		}
		if out := peer.Run("ping -n -c 1 -W 10 -s 4000 " + address); !strings.Contains(out, " 0% packet loss") {
			t.Errorf("ping: %s", out)
		}
	}
}
