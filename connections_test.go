package usernet_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
)

// Each kind of connection is in the list, in its order, with what waits at it.
func TestConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t, usernet.Config{Backlog: 128}, pipe.Config{})
		l, err := b.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		dial := func(network, address string) *usernet.TCPConn {
			c, err := a.DialTCP(network, nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := dial("tcp", "10.0.0.2:80")
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		closed := dial("tcp", "10.0.0.2:80")
		peerOfClosed, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		peerOfClosed.Close()
		closed.Close()
		dial("tcp6", "[fd00::2]:80")
		u, err := b.ListenPacket("udp", ":53")
		if err != nil {
			t.Fatal(err)
		}
		v, err := a.Dial("udp", "10.0.0.2:53")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Write([]byte("datagram")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := b.DialContext(ctx, "tcp", "10.0.0.9:9")
			failed <- err
		}()
		synctest.Wait()

		got := b.Connections()
		var lines []string
		for _, c := range got {
			recvQ := c.RecvQ
			if c.Network == "udp" {
				recvQ = min(recvQ, 1) // it counts room
			}
			remote := "-"
			if c.Remote.IsValid() {
				remote = c.Remote.Addr().String()
			}
			local := c.Local
			if c.State == tcp.StateSynSent {
				local = netip.AddrPortFrom(local.Addr(), 0)
			}
			lines = append(lines, fmt.Sprintf("%s %v %v %s %d %d %s %v", c.Network, c.State, local, remote, recvQ, c.SendQ, c.Timer, c.Info != nil))
		}
		want := []string{
			"tcp LISTEN [::]:80 - 1 128  false",
			"tcp ESTABLISHED 10.0.0.2:80 10.0.0.1 1000 0 keepalive true",
			"tcp TIME-WAIT 10.0.0.2:80 10.0.0.1 0 0 timewait false",
			"tcp SYN-SENT 10.0.0.2:0 10.0.0.9 0 0 on true",
			"tcp ESTABLISHED [fd00::2]:80 fd00::1 0 0 keepalive true",
			"udp CLOSED [::]:53 - 1 0  false",
		}
		// Ports are chosen by chance, and with them the order of the two from one address.
		if len(lines) > 3 && lines[1] == want[2] {
			lines[1], lines[2] = lines[2], lines[1]
		}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") {
			t.Errorf("have\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
		if got := a.Connections(); len(got) != 3 || got[2].State != tcp.StateEstablished || got[2].Remote != netip.MustParseAddrPort("10.0.0.2:53") {
			t.Errorf("the other end has %v", got)
		}
		cancel()
		<-failed
		peer.Close()
		c.Close()
		l.Close() // resets the one that was not accepted
		u.Close()
		v.Close()
		time.Sleep(2 * time.Minute)
		if got := b.Connections(); len(got) != 0 {
			t.Errorf("when all is closed: %v", got)
		}
	})
}

func TestConnectionString(t *testing.T) {
	for _, c := range []struct {
		usernet.Connection
		want string
	}{
		{
			usernet.Connection{Network: "tcp", Local: netip.MustParseAddrPort("[::]:80"), State: tcp.StateListen, RecvQ: 1, SendQ: 128},
			"tcp   LISTEN          1    128                    *:80                     *:*",
		},
		{
			usernet.Connection{Network: "udp", Local: netip.MustParseAddrPort("0.0.0.0:53")},
			"udp   UNCONN          0      0              0.0.0.0:53                     *:*",
		},
		{
			usernet.Connection{
				Network: "tcp", Local: netip.MustParseAddrPort("10.0.0.1:80"), Remote: netip.MustParseAddrPort("[fe80::1%eth0]:9"),
				State: tcp.StateEstablished, SendQ: 3000, Timer: "on", TimerLeft: 204 * time.Millisecond,
				Info: &tcp.Info{
					Timestamps: true, SndScale: 7, RcvScale: 5, RTO: 204 * time.Millisecond, SRTT: 4 * time.Millisecond, RTTVar: 1500 * time.Microsecond,
					MSS: 1448, ReceivedMSS: 1448, AdvertisedMSS: 1460, Cwnd: 14480, Ssthresh: 7240, Flight: 2000, PathMSS: 1220, Queued: 3000, Unsent: 1000, Retransmits: 1, Resent: 4,
				},
			},
			"tcp   ESTAB           0   3000             10.0.0.1:80        [fe80::1%eth0]:9 timer:(on,204ms,1) ts wscale:7,5 rto:204 rtt:4/1.5" +
				" mss:1448 pathmss:1220 rcvmss:1448 advmss:1460 cwnd:10 ssthresh:5 send 28960000bps unacked:2 retrans:0/4 notsent:1000",
		},
		{
			usernet.Connection{
				Network: "tcp", Local: netip.MustParseAddrPort("10.0.0.1:80"), Remote: netip.MustParseAddrPort("10.0.0.2:9"), State: tcp.StateCloseWait,
				Info: &tcp.Info{
					SACK: true, ECN: tcp.ECNClassic, ECNSeen: true, CongestionControl: "gentle", CongestionState: "a b", RTO: 120 * time.Second, Backoff: 3,
					MSS: 1000, ReceivedMSS: 536, AdvertisedMSS: 1000, Cwnd: 10_000, Ssthresh: tcp.UnboundedThreshold, PacingRate: 125_000,
					BytesSent: 5000, BytesResent: 1000, BytesAcked: 4000, BytesReceived: 700,
					SegmentsSent: 9, SegmentsReceived: 8, TextSegmentsSent: 5, TextSegmentsReceived: 1, OutOfOrder: 1,
					Queued: 3000, Sacked: 1000, Lost: 500, FlightAgain: 1000, Resent: 1, DSACKs: 2, Reordered: 3, MinRTT: 4 * time.Millisecond,
					Delivered: 5000, DeliveryRate: 1000, AppLimited: true,
					Busy: 2500 * time.Millisecond, ReceiveWindowLimited: 500 * time.Millisecond, SendBufferLimited: time.Second,
					SndWnd: 64_000, RcvWnd: 32_000,
				},
			},
			"tcp   CLOSE-WAIT      0      0             10.0.0.1:80              10.0.0.2:9 sack ecn ecnseen gentle:(a b) rto:120000 backoff:3" +
				" mss:1000 rcvmss:536 advmss:1000 cwnd:10 bytes_sent:5000 bytes_retrans:1000 bytes_acked:4000 bytes_received:700" +
				" segs_out:9 segs_in:8 data_segs_out:5 data_segs_in:1 pacing_rate 1000000bps delivery_rate 8000bps delivered:5 app_limited busy:2500ms rwnd_limited:500ms(20.0%)" +
				" sndbuf_limited:1000ms(40.0%) unacked:3 retrans:1/1 lost:1 sacked:1 dsack_dups:2 reord_seen:3 minrtt:4 rcv_ooopack:1 snd_wnd:64000 rcv_wnd:32000",
		},
	} {
		if got := c.String(); got != c.want {
			t.Errorf("have %q\nwant %q", got, c.want)
		}
	}
}
