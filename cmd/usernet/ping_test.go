package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
)

// answers is a pinger whose answers are known: a time, or an error; nil for none.
type answers []any

func (a *answers) Ping(ctx context.Context, size int) (usernet.PingReply, error) {
	next := (*a)[0]
	*a = (*a)[1:]
	r := usernet.PingReply{From: netip.MustParseAddr(serverAddr), Sequence: 7, Size: size, TTL: 64}
	switch next := next.(type) {
	case time.Duration:
		time.Sleep(next)
		r.RTT = next
		return r, nil
	case error:
		return r, next
	}
	<-ctx.Done()
	return r, ctx.Err()
}

func TestPing(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name    string
		count   int
		answers answers
		want    string
		err     string
		took    time.Duration
	}{
		{"answered", 3, answers{2 * ms, ms, 3 * ms}, `56 bytes from 10.9.0.1: seq=7 ttl=64 time=2.000 ms
56 bytes from 10.9.0.1: seq=7 ttl=64 time=1.000 ms
56 bytes from 10.9.0.1: seq=7 ttl=64 time=3.000 ms
3 sent, 3 answered, time min/mean/max 1.000/2.000/3.000 ms
`, "", 2003 * ms},
		{"one lost", 2, answers{nil, ms}, `no answer from 10.9.0.1: seq=1
56 bytes from 10.9.0.1: seq=7 ttl=64 time=1.000 ms
2 sent, 1 answered, time min/mean/max 1.000/1.000/1.000 ms
`, "", 1001 * ms},
		{"unreachable", 1, answers{errors.New("no route to host")}, `no route to host
1 sent, 0 answered
`, "no answer from 10.9.0.1", 0},
		{"interrupted", 0, answers{ms, ms, nil}, `56 bytes from 10.9.0.1: seq=7 ttl=64 time=1.000 ms
56 bytes from 10.9.0.1: seq=7 ttl=64 time=1.000 ms
2 sent, 2 answered, time min/mean/max 1.000/1.000/1.000 ms
`, "", 2500 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2500*ms)
				defer cancel()
				var out bytes.Buffer
				begin := time.Now()
				err := ping(ctx, &tt.answers, netip.MustParseAddr(serverAddr), tt.count, &out)
				if took := time.Since(begin); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if out.String() != tt.want {
					t.Errorf("output:\n%s\nwant:\n%s", out.String(), tt.want)
				}
				if got := text(err); got != tt.err {
					t.Errorf("error %q, want %q", got, tt.err)
				}
			})
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPingOverWire(t *testing.T) {
	_, client := joined(t, nil)
	addr := netip.MustParseAddr(serverAddr)
	p, err := client.NewPinger(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var out bytes.Buffer
	if err := ping(t.Context(), p, addr, 1, &out); err != nil {
		t.Errorf("%v:\n%s", err, out.String())
	}
	if want := "56 bytes from 10.9.0.1: seq=1 ttl=64 time="; !strings.HasPrefix(out.String(), want) {
		t.Errorf("%q, want %q first", out.String(), want)
	}
}
