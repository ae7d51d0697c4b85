package crosscheck

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// tshark finds no fault with what a simulated network captures, by a switch and by
// a router, at virtual time, and reads what became of the packets.
func TestSimCaptureTshark(t *testing.T) {
	needKernel(t, "tshark")
	name := filepath.Join(t.TempDir(), "capture.pcapng")
	var ladder string
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Config{Seed: 7, T: t})
		client, server, lan, r := w.Host("client"), w.Host("server"), w.Switch("lan"), w.Router("r")
		w.Connect(client, lan, sim.Path{})
		w.Connect(lan, r, sim.Path{Drop: sim.Text(3)})
		w.Connect(r, server, sim.Path{Delay: 10 * time.Millisecond, Rate: 10 * sim.Mbps, Duplicate: 0.05})
		if err := w.Capture(name); err != nil {
			t.Fatal(err)
		}
		l := w.Ladder(client, server)
		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := ln.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, c)
			c.Close()
		}()
		c, err := client.Dial("tcp", "server:80")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, 200_000)); err != nil {
			t.Error(err)
		}
		c.Close()
		time.Sleep(time.Second)
		ladder = l.String()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if bad := frames(t, name, faults); len(bad) > 0 {
		t.Errorf("tshark finds fault with frames %v:\n%s", bad, describe(t, name, bad[0]))
	}
	found := map[string]bool{}
	fields := tshark(t, name, "-T", "fields", "-E", "separator=|", "-e", "frame.interface_name", "-e", "frame.comment", "-e", "frame.time_epoch")
	for line := range strings.Lines(fields) {
		split := strings.LastIndex(line, "|")
		on, at := line[:split], strings.TrimSpace(line[split+1:])
		// When the clock of testing/synctest begins.
		if found[on] = true; at < "946684800." || at > "946684802." {
			t.Errorf("frame at %s on %s", at, on)
		}
	}
	for _, want := range []string{"client-lan|", "lan-r|picked", "r-server|twice"} {
		if !found[want] {
			t.Errorf("no frame with interface and comment %s in\n%s", want, fields)
		}
	}
	for _, want := range []string{"SYN-SENT", "ESTABLISHED", "lost\n", "retransmission after ", "TIME-WAIT"} {
		if !strings.Contains(ladder, want) {
			t.Errorf("%q is not in\n%s", want, ladder)
		}
	}
}
