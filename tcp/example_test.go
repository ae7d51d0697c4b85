package tcp_test

import (
	"fmt"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Two machines and no network: what one has to send is handed to the other. The
// instants are arguments, so nothing waits.
func Example() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg := tcp.Config{Epoch: now, NoTimestamps: true, NoECN: true}.WithDefaults()
	var a, b tcp.Conn
	a.Init(&cfg, tcp.Params{ISS: 99, MSS: 1460})
	b.Init(&cfg, tcp.Params{ISS: 299, MSS: 1460})

	var seg tcp.Segment
	exchange := func() {
		for moved := true; moved; {
			moved = false
			for a.Next(now, &seg) {
				fmt.Println("a", seg.Notation(seg.Len))
				b.Receive(now, &seg)
				moved = true
			}
			a.Returned()
			for b.Next(now, &seg) {
				fmt.Println("b", seg.Notation(seg.Len))
				a.Receive(now, &seg)
				moved = true
			}
			b.Returned()
		}
	}

	b.OpenPassive()
	a.OpenActive(now)
	exchange()

	a.Write(now, []byte("hello"))
	exchange()
	buf := make([]byte, 100)
	n, _ := b.Read(now, buf)
	fmt.Printf("b has read %q\n", buf[:n])

	a.Close(now)
	exchange()
	b.Close(now)
	exchange()
	fmt.Println("a is in", a.State(), "and b in", b.State())

	// Output:
	// a <SEQ=99><CTL=SYN>
	// b <SEQ=299><ACK=100><CTL=SYN,ACK>
	// a <SEQ=100><ACK=300><CTL=ACK>
	// a <SEQ=100><ACK=300><CTL=PSH,ACK><DATA=5>
	// b <SEQ=300><ACK=105><CTL=ACK>
	// b has read "hello"
	// a <SEQ=105><ACK=300><CTL=FIN,ACK>
	// b <SEQ=300><ACK=106><CTL=ACK>
	// b <SEQ=300><ACK=106><CTL=FIN,ACK>
	// a <SEQ=106><ACK=301><CTL=ACK>
	// a is in TIME-WAIT and b in CLOSED
}
