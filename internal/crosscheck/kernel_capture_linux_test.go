package crosscheck

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestKernelCapture has tshark judge all that passes between usernet and the
// kernel where both compute their checksums themselves.
func TestKernelCapture(t *testing.T) {
	t.Parallel()
	needKernel(t, "nc", "ping", "tcpdump", "tshark", "ethtool")
	host := newNetns(t)
	s := host.attach(t, device{tap: true, mtu: 1500, single: true})
	file := filepath.Join(t.TempDir(), "capture.pcap")
	dump := start(t, host.command("tcpdump", "-i", gateDev, "-Z", "root", "--immediate-mode", "-U", "-w", file))
	waitUntil(t, "tcpdump captures", func() bool { return strings.Contains(dump.stderr.String(), "listening on") })

	for _, at := range [][2]string{{near4, gate4}, {near6, gate6}} {
		near, kernel := at[0], at[1]
		bulkToKernel(t, s, host, kernel, 1<<20)
		bulkFromKernel(t, s, host, near, 1<<20)
		udpEchoForKernel(t, s, host, near)
		udpEchoFromKernel(t, s, host, kernel)
		host.run("ping", "-n", "-c", "2", "-i", "0.02", "-s", "3000", near)
		refusals(t, s, host, near, kernel)
	}
	dump.interrupt()

	for _, protocol := range []string{"tcp", "udp", "icmp", "icmpv6"} {
		good := frames(t, file, protocol+`.checksum.status == "Good"`)
		if len(good) == 0 {
			t.Errorf("no packet has a good %s checksum", protocol)
		}
		t.Logf("%d good %s checksums", len(good), protocol)
	}
	if bad := frames(t, file, faults); len(bad) > 0 {
		t.Errorf("tshark finds fault with frames %v:\n%s", bad, describe(t, file, bad[0]))
	}

	// The same capture with one byte changed is found out: so tshark did look.
	frame := breakByte(t, file)
	if bad := frames(t, file, faults); len(bad) != 1 || bad[0] != frame {
		t.Errorf("a byte of frame %d is broken, tshark finds fault with %v", frame, bad)
	}
}

// faults is tshark's filter for all that must not be on a wire.
const faults = `_ws.malformed or _ws.expert.severity == "Error"` +
	` or ip.checksum.status == "Bad" or tcp.checksum.status == "Bad" or udp.checksum.status == "Bad"` +
	` or icmp.checksum.status == "Bad" or icmpv6.checksum.status == "Bad"`

func tshark(t *testing.T, file string, args ...string) string {
	t.Helper()
	return mustRun(t, "tshark", append([]string{"-n", "-r", file, "-o", "tcp.check_checksum:TRUE",
		"-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"}, args...)...)
}

// frames returns the numbers of the captured frames that pass a display filter.
func frames(t *testing.T, file, filter string) (numbers []int) {
	t.Helper()
	for _, f := range strings.Fields(tshark(t, file, "-Y", filter, "-T", "fields", "-e", "frame.number")) {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func describe(t *testing.T, file string, frame int) string {
	t.Helper()
	return tshark(t, file, "-V", "-Y", "frame.number == "+strconv.Itoa(frame))
}

// breakByte changes the last byte of the first long TCP segment in a capture, and
// returns that frame's number.
func breakByte(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// A file header of 24 bytes, then for each frame a header of 16 with its
	// length at 8, in the byte order of the machine, and the frame.
	for at, frame := 24, 1; at+16 <= len(b); frame++ {
		n := int(binary.NativeEndian.Uint32(b[at+8:]))
		start, end := at+16, at+16+n
		if n > 500 && b[start+12] == 0x08 && b[start+13] == 0x00 && b[start+23] == unix.IPPROTO_TCP {
			b[end-1] ^= 0x55
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return frame
		}
		at = end
	}
	t.Fatal("no long TCP segment in the capture")
	return 0
}
