package rawip_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/rawip"
)

// helperVariable makes the test binary another process: its value says which.
const helperVariable = "USERNET_RAWIP_HELPER"

func TestMain(m *testing.M) {
	switch addr := os.Getenv(helperVariable); addr {
	case "":
		os.Exit(m.Run())
	case "open":
		l, err := rawip.Open(rawip.Config{})
		fmt.Println(err)
		if err == nil {
			l.Close()
		}
	default:
		if err := serve(addr); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

// serve echoes on addr until it is killed.
func serve(addr string) error {
	l, err := rawip.Open(rawip.Config{})
	if err != nil {
		return err
	}
	s, err := usernet.New(usernet.Config{TTL: ownTTL})
	if err != nil {
		return err
	}
	if err := s.Attach(l, usernet.Interface{Addrs: l.Addrs()}); err != nil {
		return err
	}
	ln, err := s.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			c.(*usernet.TCPConn).WriteTo(c)
		}()
	}
}

// helper starts the test binary as another process in the namespace, and returns
// the first line that it prints.
func (ns *netns) helper(what string) (*exec.Cmd, string) {
	ns.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		ns.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns.name, exe)
	cmd.Env = append(os.Environ(), helperVariable+"="+what)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		ns.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil { // ip becomes the program
		ns.t.Fatal(err)
	}
	ns.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		ns.t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

// After kill -9 no table is left, the port is free, and the kernel answers again.
func TestKernelKilled(t *testing.T) {
	needKernel(t, "nft")
	near, far := newHosts(t)
	cmd, line := near.helper(":80")
	if line != "ready" {
		t.Fatal(line)
	}
	conn, err := far.dial(near4 + ":80")
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, conn, 100000)
	open, err := far.dial(near4 + ":80")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if table := near.run("nft", "list", "tables"); !strings.Contains(table, "usernet_") {
		t.Errorf("no table while the process runs: %q", table)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if table := near.run("nft", "list", "tables"); table != "" {
		t.Errorf("after kill -9: %q", table)
	}
	ln, err := near.listen(":80")
	if err != nil {
		t.Fatalf("the kernel's listen after kill -9: %v", err)
	}
	defer ln.Close()
	go echo(t, ln)
	conn, err = far.dial(near4 + ":80")
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, conn, 1000)
	open.SetDeadline(time.Now().Add(patience))
	open.Write([]byte("still there?"))
	if _, err := open.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the dead process's connection: %v, want %v", err, syscall.ECONNRESET)
	}
}

// Two processes on one host have ports of their own, and none has the other's.
func TestKernelTwoProcesses(t *testing.T) {
	needKernel(t, "nft")
	near, far := newHosts(t)
	resets := far.resets()
	for _, addr := range []string{":80", ":81"} {
		if _, line := near.helper(addr); line != "ready" {
			t.Fatal(line)
		}
	}
	if n := strings.Count(near.run("nft", "list", "tables"), "table inet usernet_"); n != 2 {
		t.Errorf("%d tables, want 2", n)
	}
	for _, port := range []string{":80", ":81", ":80"} {
		conn, err := far.dial(near4 + port)
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, conn, 1<<20)
	}
	if n := resets.Load(); n != 0 {
		t.Errorf("%d resets, want none", n)
	}
	s, _ := near.stack(rawip.Config{})
	if _, err := s.Listen("tcp", ":81"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the other's port: %v, want %v", err, syscall.EADDRINUSE)
	}
}

// Without privileges the error says what is missing, and nothing is left.
func TestKernelUnprivileged(t *testing.T) {
	needKernel(t, "nft", "setpriv")
	near, _ := newHosts(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for caps, want := range map[string]string{
		"-all":                     "capability CAP_NET_RAW is missing",
		"-all,+net_raw":            "capability CAP_NET_ADMIN is missing",
		"-all,+net_admin":          "capability CAP_NET_RAW is missing",
		"-all,+net_raw,+net_admin": "<nil>",
	} {
		inheritable := strings.TrimPrefix(caps, "-all,")
		args := []string{"netns", "exec", near.name, "setpriv", "--reuid", "0", "--bounding-set", caps, exe}
		cmd := exec.Command("ip", args...)
		cmd.Env = append(os.Environ(), helperVariable+"=open")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("with %s: %v, %s; want %q", inheritable, err, out, want)
		}
		if table := near.run("nft", "list", "tables"); table != "" {
			t.Errorf("with %s a table is left: %s", inheritable, table)
		}
	}
}

// sendTCP sends an ACK that belongs to nothing, by a raw socket.
func (ns *netns) sendTCP(src string, srcPort int, dst string, dstPort int) {
	ns.t.Helper()
	ns.do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
		if err != nil {
			ns.t.Error(err)
			return
		}
		defer unix.Close(fd)
		b := segment(src, srcPort, dst, dstPort)
		to := &unix.SockaddrInet4{Addr: [4]byte(net.ParseIP(dst).To4())}
		if err := unix.Sendto(fd, b, 0, to); err != nil {
			ns.t.Error(err)
		}
	})
}
