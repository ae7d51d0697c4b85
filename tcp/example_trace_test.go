package tcp_test

import (
	"fmt"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// A machine without a network tells what it does.
func ExampleTrace() {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	cfg := tcp.Config{Epoch: start.Add(-time.Hour), NoTimestamps: true, NoECN: true}.WithDefaults()
	trace := tcp.NewTrace(0)
	var a, b tcp.Conn
	a.Init(&cfg, tcp.Params{ISS: 99, MSS: 1460, Trace: trace})
	b.Init(&cfg, tcp.Params{ISS: 299, MSS: 1460})
	b.OpenPassive()
	a.OpenActive(now)

	var seg tcp.Segment
	a.Next(now, &seg)
	now = now.Add(10 * time.Millisecond)
	b.Receive(now, &seg)
	b.Next(now, &seg)
	now = now.Add(10 * time.Millisecond)
	a.Receive(now, &seg)

	events, lost := trace.Take(nil)
	for _, e := range events {
		fmt.Println(e.Time.Sub(start), e)
	}
	fmt.Println(lost, "lost")

	// Output:
	// 0s state SYN-SENT
	// 0s sent <SEQ=99><CTL=SYN> window 65535
	// 20ms received <SEQ=299><ACK=100><CTL=SYN,ACK> window 65535
	// 20ms rtt 20ms: srtt 20ms, rttvar 10ms, rto 220ms
	// 20ms state ESTABLISHED
	// 0 lost
}
