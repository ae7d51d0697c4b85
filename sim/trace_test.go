package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// epoch is when the tests' worlds begin: where testing/synctest has its clock.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// arriving returns the fate of a packet that arrives that long after epoch.
func arriving(after time.Duration) fate { return fate{Fate: link.Fate{At: epoch.Add(after)}} }

func losing(o link.Outcome) fate { return fate{Fate: link.Fate{Outcome: o}} }

func TestTrace(t *testing.T) {
	segment := tcpPacket("10.0.0.1:49152", "10.0.0.2:80", pushed, 1448)
	marked := arriving(1234567890)
	marked.Corrupt, marked.Twice, marked.Reordered, marked.Marked = true, true, true, true
	request := frame(wire.EtherTypeARP, (&wire.ARP{Operation: wire.ARPRequest, Sender: addr1, Target: addr2}).Append(nil))
	six := tcpPacket("[fd00::1]:49152", "[fd00::2]:80", wire.TCP{Seq: 1 << 31, Ack: 1 << 31, Flags: wire.PSH | wire.ACK}, 1428)
	var b []byte
	for _, line := range []struct {
		at     time.Duration
		number uint64
		medium link.Medium
		data   []byte
		fate   fate
		from   string
	}{
		{0, 1, link.Ethernet, request, arriving(20 * time.Millisecond), "client"},
		{1000000001, 7, link.IP, segment, arriving(1234567890), "client"},
		{1200000000, 8, link.IP, segment, marked, "client"},
		{2 * time.Hour, 1000000, link.IP, segment, losing(link.Lost), "client"},
		{1, 9, link.IP, segment, losing(link.Overflow), "client"},
		{1, 10, link.IP, segment, losing(link.TooBig), "client"},
		{1, 10, link.IP, segment, losing(link.Managed), "client"},
		{1, 11, link.IP, segment, fate{cut: true}, "client"},
		{1, 12, link.IP, segment, fate{picked: true}, "client"},
		{-5, 13, link.IP, six, arriving(0), "a host with a long name"},
	} {
		p := Packet{Number: line.number, Time: epoch.Add(line.at), From: line.from, To: "server", Medium: line.medium, Data: line.data}
		b = appendTrace(b, epoch, &p, line.fate)
	}
	const want = `
   0.000000000  client > server #1     ARP request, who has 10.0.0.2, from 10.0.0.1                                           arrives at 0.020000000
   1.000000001  client > server #7     10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                arrives at 1.234567890
   1.200000000  client > server #8     10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                arrives at 1.234567890, corrupt, twice, reordered, marked
7200.000000000  client > server #1000000  10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                lost
   0.000000001  client > server #9     10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                queue full
   0.000000001  client > server #10    10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                too big
   0.000000001  client > server #10    10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                dropped by CoDel
   0.000000001  client > server #11    10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                cut
   0.000000001  client > server #12    10.0.0.1:49152 > 10.0.0.2:80 <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=1448>                picked
  -0.000000005  a host with a long name > server #13  [fd00::1]:49152 > [fd00::2]:80 <SEQ=2147483648><ACK=2147483648><CTL=PSH,ACK><DATA=1428>  arrives at 0.000000000
`
	if got := string(b); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

func TestRemark(t *testing.T) {
	marked := arriving(0)
	marked.Corrupt, marked.Reordered = true, true
	for want, f := range map[string]fate{
		"": arriving(0), "lost": losing(link.Lost), "cut": {cut: true}, "corrupt, reordered": marked,
	} {
		if got := f.remark(); got != want {
			t.Errorf("remark is %q, want %q", got, want)
		}
	}
}
