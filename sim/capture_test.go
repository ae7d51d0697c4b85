package sim

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usernet-go/usernet/internal/pcapng"
	"github.com/usernet-go/usernet/link"
)

// The file has an interface for each path, and each packet with its comment.
func TestCapture(t *testing.T) {
	name := filepath.Join(t.TempDir(), "capture.pcapng")
	c, err := newCapture(name)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	w, err := pcapng.New(&want)
	if err != nil {
		t.Fatal(err)
	}
	marked := arriving(time.Second)
	marked.Reordered, marked.Twice = true, true
	segment := tcpPacket("10.0.0.1:49152", "10.0.0.2:80", pushed, 5)
	ids := map[string]int{}
	for i, s := range []struct {
		path    int
		name    string
		medium  link.Medium
		fate    fate
		comment string
	}{
		{7, "client-server", link.IP, arriving(time.Second), ""},
		{7, "client-server", link.IP, losing(link.Lost), "lost"},
		{3, "client-switch", link.Ethernet, marked, "twice, reordered"},
		{7, "client-server", link.IP, fate{cut: true}, "cut"},
		{5, "client-server", link.IP, fate{picked: true}, "picked"}, // a second path between the two
	} {
		at := epoch.Add(time.Duration(2*i + 1))
		data := segment
		if s.medium == link.Ethernet {
			data = frame(0x0800, segment)
		}
		c.see(s.path, s.name, s.medium, &Packet{Time: at, Medium: s.medium, Data: data}, s.fate)

		key := s.name + string(rune(s.path))
		id, ok := ids[key]
		if !ok {
			linkType := map[link.Medium]uint16{link.IP: 101, link.Ethernet: 1}[s.medium]
			if id, err = w.AddInterface(s.name, linkType); err != nil {
				t.Fatal(err)
			}
			ids[key] = id
		}
		if err := w.WritePacket(id, at, data, s.comment); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got\n% x\nwant\n% x", got, want.Bytes())
	}
}

func TestCaptureErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := newCapture(filepath.Join(dir, "none", "capture.pcapng")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory that does not exist: %v", err)
	}
	c, err := newCapture(filepath.Join(dir, "capture.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	c.file.Close() // as if the disk were gone
	p := Packet{Time: epoch, Data: make([]byte, 2*captureBuffer)}
	for range 2 {
		c.see(0, "a-b", link.IP, &p, arriving(0))
	}
	if err := c.close(); !errors.Is(err, fs.ErrClosed) || c.err != err {
		t.Errorf("close: %v", err)
	}
}
