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
					MSS: 1448, ReceivedMSS: 1448, AdvertisedMSS: 1460, Cwnd: 14480, Ssthresh: 7240, Flight: 2000, PathMSS: 1220, Unsent: 1000, Retransmits: 1, Resent: 4,
				},
			},
			"tcp   ESTAB           0   3000             10.0.0.1:80        [fe80::1%eth0]:9 timer:(on,204ms,1) ts wscale:7,5 rto:204 rtt:4/1.5" +
				" mss:1448 rcvmss:1448 advmss:1460 cwnd:10 ssthresh:5 unacked:2 pathmss:1220 notsent:1000 retrans:1/4",
		},
	} {
		if got := c.String(); got != c.want {
			t.Errorf("have %q\nwant %q", got, c.want)
		}
	}
}
