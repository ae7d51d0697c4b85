package dns

import (
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Whatever arrives, a look-up ends in bounded time, and believes nothing that does
// not stand at the end of a chain from the name asked.
func FuzzLookup(f *testing.F) {
	s := sent{q: dnsmessage.Question{Name: dnsmessage.MustNewName("a.org."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}
	for _, r := range []reply{
		{answers: []dnsmessage.Resource{alias("a.org.", "b.org."), a("b.org.", 1)}, soa: true},
		{truncated: true}, {rcode: dnsmessage.RCodeFormatError, bare: true}, {rcode: dnsmessage.RCodeServerFailure},
		{answers: []dnsmessage.Resource{a("c.org.", 1)}, cut: 1},
	} {
		r.to = s
		f.Add(r.message(f), false)
		f.Add(r.message(f), true)
	}
	f.Fuzz(func(t *testing.T, msg []byte, keepID bool) {
		l := New(Config{Servers: bothServers, Rand: new(counter)}, "a.org", dnsmessage.TypeA)
		now := time.Unix(1000, 0)
		l.Advance(now)
		for range 100 {
			socket := 0
			for out, ok := l.Next(now); ok; out, ok = l.Next(now) {
				if out.Op != OpSend {
					continue
				}
				socket = out.Socket
				data := append([]byte(nil), msg...)
				if off := 0; !keepID && len(data) >= 2 {
					if out.TCP {
						off = 2
					}
					copy(data, out.Data[off:off+2])
				}
				if out.TCP {
					data = append([]byte{byte(len(data) >> 8), byte(len(data))}, data...)
				}
				l.Receive(now, In{Socket: socket, From: out.Server, Data: data})
			}
			if l.Done() {
				break
			}
			now = l.Deadline()
			l.Advance(now)
		}
		if !l.Done() {
			t.Fatal("no end")
		}
		ans, err, _ := l.Result(0)
		if (ans == nil) == (err == nil) {
			t.Fatalf("%+v, %v", ans, err)
		}
		if ans == nil {
			return
		}
		for _, r := range ans.Records {
			if r.Header.Type != dnsmessage.TypeA || !sameName(r.Header.Name, dnsmessage.MustNewName(ans.Name)) {
				t.Fatalf("%+v is no answer", r)
			}
		}
	})
}
