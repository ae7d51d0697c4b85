package xdp_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usernet-go/usernet/link/xdp"
)

// The program is gone with the process that opened the link, however it ends.
func TestProcessDies(t *testing.T) {
	const child = "USERNET_XDP_CHILD"
	if os.Getenv(child) != "" {
		if _, err := xdp.Open(xdp.Config{Interface: dev}); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("open\n")
		select {}
	}
	host, peer := twoHosts(t, 1500)
	cmd := exec.Command(os.Args[0], "-test.run=^TestProcessDies$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	host.Do(func() {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "open\n" || !hasProgram(host) {
		t.Errorf("the process says %q, and the interface has a program: %v", line, hasProgram(host))
	}
	cmd.Process.Kill()
	cmd.Wait()
	waitFor(t, "the program is gone", func() bool { return !hasProgram(host) })
	bulk(t, attach(t, openLink(t, host, xdp.Config{})), peer, 100000)
}

// with runs f on a thread that has such capabilities only.
func with(t *testing.T, caps uint64, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var all [2]unix.CapUserData
	if err := unix.Capget(&header, &all[0]); err != nil {
		t.Fatal(err)
	}
	some := all
	some[0].Effective, some[1].Effective = uint32(caps), uint32(caps>>32)
	if err := unix.Capset(&header, &some[0]); err != nil {
		t.Fatal(err)
	}
	f()
	if err := unix.Capset(&header, &all[0]); err != nil {
		t.Fatal(err)
	}
}

// Without one of the capabilities, the error names it; with them all, it takes no
// root.
func TestOpenWithoutPrivilege(t *testing.T) {
	host, _ := twoHosts(t, 1500)
	const raw, admin, bpf = 1 << unix.CAP_NET_RAW, 1 << unix.CAP_NET_ADMIN, 1 << unix.CAP_BPF
	for _, tt := range []struct {
		caps uint64
		want string
	}{
		{0, "CAP_NET_RAW is missing"},
		{admin | bpf, "CAP_NET_RAW is missing"},
		{raw, "CAP_BPF or CAP_NET_ADMIN is missing"},
		{raw | bpf, "CAP_BPF or CAP_NET_ADMIN is missing"},
		{raw | admin, "CAP_BPF or CAP_NET_ADMIN is missing"},
		{raw | admin | bpf, ""},
	} {
		host.Do(func() {
			with(t, tt.caps, func() {
				l, err := xdp.Open(xdp.Config{Interface: dev})
				if tt.want == "" {
					if err != nil {
						t.Errorf("Open with all capabilities = %v", err)
						return
					}
					l.Close()
					return
				}
				if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "setcap cap_net_raw,cap_net_admin,cap_bpf+ep") {
					t.Errorf("Open = %v, want %s and how to get it", err, tt.want)
				}
			})
		})
	}
}

// Memory that may not be locked is explained as well.
func TestOpenWithoutLockedMemory(t *testing.T) {
	host, _ := twoHosts(t, 1500)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 1 << 20
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &low); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit)
	host.Do(func() {
		with(t, 1<<unix.CAP_NET_RAW|1<<unix.CAP_NET_ADMIN|1<<unix.CAP_BPF, func() {
			_, err := xdp.Open(xdp.Config{Interface: dev})
			if !errors.Is(err, unix.ENOBUFS) {
				t.Fatalf("Open = %v, want ENOBUFS", err)
			}
			for _, want := range []string{"ulimit -l", "Config.Queues", "takes 6 MiB", "cap_ipc_lock+ep", "--cap-add IPC_LOCK"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Open = %v, want %q in it", err, want)
				}
			}
		})
	})
}
