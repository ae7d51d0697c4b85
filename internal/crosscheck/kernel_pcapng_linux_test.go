package crosscheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tshark reads what package pcapng writes: interfaces, time stamps of nanoseconds,
// comments, and packets that it finds no fault with.
func TestPcapngTshark(t *testing.T) {
	needKernel(t, "tshark")
	name := filepath.Join(t.TempDir(), "capture.pcapng")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	packets := capturedPackets()
	writePcapng(t, file, packets)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if bad := frames(t, name, faults); len(bad) > 0 {
		t.Errorf("tshark finds fault with frames %v:\n%s", bad, describe(t, name, bad[0]))
	}
	var want strings.Builder
	for _, p := range packets {
		fmt.Fprintf(&want, "%s|%d.%09d|%s\n", p.iface, p.at.Unix(), p.at.Nanosecond(), p.comment)
	}
	got := tshark(t, name, "-T", "fields", "-E", "separator=|", "-e", "frame.interface_name", "-e", "frame.time_epoch", "-e", "frame.comment")
	if got != want.String() {
		t.Errorf("tshark reads\n%swant\n%s", got, &want)
	}
	for frame, says := range []string{"Transmission Control Protocol, Src Port: 49152", "User Datagram Protocol, Src Port: 50000"} {
		if text := describe(t, name, frame+1); !strings.Contains(text, says) {
			t.Errorf("tshark does not say %q of frame %d:\n%s", says, frame+1, text)
		}
	}
}
