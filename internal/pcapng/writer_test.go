package pcapng

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

// golden is a capture of one packet on each of two interfaces, put together by
// hand from the figures of the draft.
const golden = `
	0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000

	01000000 28000000 0100 0000 00000000
	0200 0300 612d62 00
	0900 0100 09 000000
	0000 0000
	28000000

	01000000 28000000 6500 0000 00000000
	0200 0100 63 000000
	0900 0100 09 000000
	0000 0000
	28000000

	06000000 34000000 00000000 cf4c230d 01004352 05000000 05000000
	0102030405 000000
	0100 0400 6c6f7374
	0000 0000
	34000000

	06000000 24000000 01000000 cf4c230d 01004352 04000000 04000000
	0a0b0c0d
	24000000
`

func TestWriter(t *testing.T) {
	at := time.Date(2000, 1, 1, 0, 0, 0, 1, time.UTC)
	var file bytes.Buffer
	w, err := New(&file)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range []struct {
		name string
		link uint16
	}{{"a-b", LinkTypeEthernet}, {"c", LinkTypeRaw}} {
		if got, err := w.AddInterface(want.name, want.link); got != id || err != nil {
			t.Errorf("AddInterface: %d, %v, want %d", got, err, id)
		}
	}
	if err := w.WritePacket(0, at, []byte{1, 2, 3, 4, 5}, "lost"); err != nil {
		t.Error(err)
	}
	if err := w.WritePacket(1, at, []byte{10, 11, 12, 13}, ""); err != nil {
		t.Error(err)
	}
	want, err := hex.DecodeString(strings.Join(strings.Fields(golden), ""))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Bytes(), want) {
		t.Errorf("got\n% x\nwant\n% x", file.Bytes(), want)
	}
}

// What cannot be told in the format is refused, and leaves the file as it was.
func TestWriterRefuses(t *testing.T) {
	var file bytes.Buffer
	w, err := New(&file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface("a", LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	before, long, now := file.Len(), strings.Repeat("x", maxOption+1), time.Unix(1, 0)
	for name, write := range map[string]func() error{
		"interface": func() error { return w.WritePacket(1, now, nil, "") },
		"negative":  func() error { return w.WritePacket(-1, now, nil, "") },
		"1969":      func() error { return w.WritePacket(0, time.Unix(0, -1), nil, "") },
		"2263":      func() error { return w.WritePacket(0, time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC), nil, "") },
		"comment":   func() error { return w.WritePacket(0, now, nil, long) },
		"name":      func() error { _, err := w.AddInterface(long, LinkTypeRaw); return err },
	} {
		if err := write(); err == nil || !strings.HasPrefix(err.Error(), "pcapng: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if file.Len() != before {
		t.Errorf("%d bytes were written", file.Len()-before)
	}
	if err := w.WritePacket(0, time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC), nil, long[1:]); err != nil {
		t.Error(err)
	}
}

// A full is a disk with room for some blocks.
type full struct{ room int }

var errFull = errors.New("no space left on device")

func (f *full) Write(b []byte) (int, error) {
	if f.room == 0 {
		return 0, errFull
	}
	f.room--
	return len(b), nil
}

// After the writer's first error nothing more is written, even if it would work
// again: the file would have a hole.
func TestWriterErrorSticks(t *testing.T) {
	if _, err := New(&full{}); !errors.Is(err, errFull) {
		t.Errorf("New: %v", err)
	}
	disk := &full{room: 2}
	w, _ := New(disk)
	if _, err := w.AddInterface("a", LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	if err := w.WritePacket(0, time.Unix(1, 0), nil, ""); !errors.Is(err, errFull) {
		t.Errorf("WritePacket: %v", err)
	}
	disk.room = 10
	if err := w.WritePacket(0, time.Unix(1, 0), nil, ""); !errors.Is(err, errFull) || disk.room != 10 {
		t.Errorf("WritePacket after that: %v, %d blocks written", err, 10-disk.room)
	}
	if _, err := w.AddInterface("b", LinkTypeRaw); !errors.Is(err, errFull) {
		t.Errorf("AddInterface after that: %v", err)
	}
}

func TestWriterDoesNotAllocate(t *testing.T) {
	w, _ := New(&full{room: 1 << 30})
	w.AddInterface("a", LinkTypeRaw)
	data, at := make([]byte, 1501), time.Unix(1, 0)
	if n := testing.AllocsPerRun(100, func() { w.WritePacket(0, at, data, "lost") }); n > 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}
