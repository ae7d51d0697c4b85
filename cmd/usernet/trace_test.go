package main

import (
	"bytes"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// segmentIn returns a TCP segment in an IP packet, IPv6 when src is, behind an
// Ethernet header when that is the medium.
func segmentIn(medium link.Medium, src, dst string, h wire.TCP, text int) link.Packet {
	from, to := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	size := h.HeaderLen() + text
	var b []byte
	if medium == link.Ethernet {
		e := wire.Ethernet{Type: wire.EtherTypeIPv4}
		if from.Is6() {
			e.Type = wire.EtherTypeIPv6
		}
		b = e.Append(b)
	}
	if from.Is4() {
		ip := wire.IPv4{TotalLen: wire.IPv4Len + size, TTL: 64, Protocol: wire.ProtocolTCP, Src: from, Dst: to}
		b = ip.Append(b)
	} else {
		ip := wire.IPv6{PayloadLen: size, HopLimit: 64, NextHeader: wire.ProtocolTCP, Src: from, Dst: to}
		b = ip.Append(b)
	}
	return link.Packet{Data: [][]byte{h.Append(b), make([]byte, text)}}
}

func TestParsePacket(t *testing.T) {
	h := wire.TCP{SrcPort: 40000, DstPort: 7, Seq: 100, Ack: 300, Flags: wire.ACK, Window: 500}
	for _, tt := range []struct {
		medium         link.Medium
		src, dst, want string
	}{
		{link.Ethernet, "10.9.0.2", "10.9.0.1", "10.9.0.2:40000 > 10.9.0.1:7 <SEQ=100><ACK=300><CTL=ACK><DATA=5>"},
		{link.IP, "10.9.0.2", "10.9.0.1", "10.9.0.2:40000 > 10.9.0.1:7 <SEQ=100><ACK=300><CTL=ACK><DATA=5>"},
		{link.Ethernet, "fd00::2", "fd00::1", "[fd00::2]:40000 > [fd00::1]:7 <SEQ=100><ACK=300><CTL=ACK><DATA=5>"},
		{link.IP, "fd00::2", "fd00::1", "[fd00::2]:40000 > [fd00::1]:7 <SEQ=100><ACK=300><CTL=ACK><DATA=5>"},
	} {
		p := segmentIn(tt.medium, tt.src, tt.dst, h, 5)
		q, ok := parsePacket(tt.medium, &p)
		if !ok || !strings.HasPrefix(q.String(), tt.want) || !strings.Contains(q.String(), "<WND=500>") {
			t.Errorf("%v: %v, %v, want %s", tt.medium, ok, &q, tt.want)
		}
		for n := range len(p.Data[0]) {
			short := link.Packet{Data: [][]byte{p.Data[0][:n]}}
			if q, ok := parsePacket(tt.medium, &short); ok {
				t.Errorf("%v: the first %d bytes are read as %v", tt.medium, n, &q)
			}
		}
	}
}

func TestTraceShowsConversation(t *testing.T) {
	var out bytes.Buffer
	var tr *tracer
	server, client := joined(t, func(l link.Link) link.Link {
		l, tr = startTrace(l, &out)
		return l
	})
	startServer(t, server, serveTCP)
	d := dialed{in: strings.NewReader("hello"), out: io.Discard}
	if err := d.overTCP(t.Context(), client, serverPort); err != nil {
		t.Fatal(err)
	}
	client.Close()
	tr.stop()
	for _, want := range []string{
		`sent     10\.9\.0\.2:\d+ > 10\.9\.0\.1:7 <SEQ=\d+><CTL=SYN,ECE,CWR,AE><WND=\d+><MSS=1460>`,
		`received 10\.9\.0\.1:7 > 10\.9\.0\.2:\d+ <SEQ=\d+><ACK=\d+><CTL=SYN,ACK,CWR>`,
		`sent     .*<CTL=(PSH,)?ACK,ECE,AE><DATA=5>`,
		`sent     .*<CTL=FIN,ACK,ECE,AE>`,
	} {
		if !regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{6} ` + want).Match(out.Bytes()) {
			t.Errorf("%s is not in:\n%s", want, out.String())
		}
	}
}

// blocked is a terminal that shows nothing until it is released.
type blocked struct {
	release chan struct{}
	bytes.Buffer
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.release
	return b.Buffer.Write(p)
}

// A terminal that does not keep up holds up no packet.
func TestTraceDoesNotWait(t *testing.T) {
	w := &blocked{release: make(chan struct{})}
	l, tr := startTrace(sink{}, w)
	p := segmentIn(link.IP, "10.9.0.2", "10.9.0.1", wire.TCP{Flags: wire.ACK}, 0)
	const n = maxTraced + 100
	for range n {
		l.Send([]link.Packet{p})
	}
	close(w.release)
	tr.stop()
	lines := strings.Count(w.String(), "<CTL=ACK>")
	if lines < maxTraced || lines > maxTraced+2 {
		t.Errorf("%d packets are shown of %d, want about %d", lines, n, maxTraced)
	}
	if !strings.Contains(w.String(), " packets not shown)") {
		t.Error("what is left out is not told")
	}
}

// sink is a link that takes everything and brings nothing.
type sink struct{}

func (sink) Info() link.Info                        { return link.Info{Medium: link.IP, MTU: 1500} }
func (sink) Send(batch []link.Packet) (int, error)  { return len(batch), nil }
func (sink) Receive(int, func([]link.Packet)) error { return nil }
func (sink) Close() error                           { return nil }
