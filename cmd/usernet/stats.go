package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/internal/ladder"
)

// writeStats writes the connections of s, as ss does, and its counters (--stats).
func writeStats(w io.Writer, s *usernet.Stack) {
	var b bytes.Buffer
	if isTerminal(w) {
		b.WriteString(clearLine) // a line of progress may stand there
	}
	fmt.Fprintf(&b, "%-5s %-10s %6s %6s %23s %23s\n", "Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port")
	for _, c := range s.Connections() {
		fmt.Fprintln(&b, c)
	}
	st := s.Stats()
	fmt.Fprintf(&b, "packets: %d in, %s; %d out, %s\n",
		st.PacketsIn, ladder.FormatBytes(int64(st.BytesIn)), st.PacketsOut, ladder.FormatBytes(int64(st.BytesOut)))
	fmt.Fprintf(&b, "TCP: %d segments in, %d out; %d connections, %d in TIME-WAIT\n",
		st.SegmentsIn, st.SegmentsOut, st.Connections, st.TimeWait)
	if st.DNSIgnored > 0 {
		fmt.Fprintf(&b, "DNS: %d messages that answered nothing\n", st.DNSIgnored)
	}
	for _, reason := range slices.Sorted(maps.Keys(st.Drops)) {
		fmt.Fprintf(&b, "dropped, %s: %d\n", reason, st.Drops[reason])
	}
	w.Write(b.Bytes()) // in one piece, as other goroutines write too
}
