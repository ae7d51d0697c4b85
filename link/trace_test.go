package link_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var lines []string
		note := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, fmt.Sprintf(format, args...))
		}
		a, b := pipe.New(pipe.Config{GSO: true})
		l := link.Trace(a, func(e link.Event) {
			note("%v %v %s", e.Time.Sub(start), e.Direction, joined(e.Packet))
		})
		if l.Info() != a.Info() {
			t.Errorf("Info %+v, the wrapped link's is %+v", l.Info(), a.Info())
		}
		go b.Receive(0, func(batch []link.Packet) {
			note("arrived")
			b.Send([]link.Packet{whole("answer")})
		})
		received := make(chan error)
		go func() { received <- l.Receive(0, func([]link.Packet) { note("delivered") }) }()
		synctest.Wait()

		time.Sleep(time.Millisecond)
		if n, err := l.Send([]link.Packet{whole("one"), {Data: [][]byte{[]byte("t"), []byte("wo")}}}); n != 2 || err != nil {
			t.Errorf("Send = %d, %v", n, err)
		}
		if n, err := l.Send(nil); n != 0 || err != nil {
			t.Errorf("Send of nothing = %d, %v", n, err)
		}
		want := []string{"1ms sent one", "1ms sent two", "arrived", "1ms received answer", "delivered"}
		if !slices.Equal(lines, want) {
			t.Errorf("events %q, want %q", lines, want)
		}

		l.Close()
		if err := <-received; err != nil {
			t.Errorf("Receive = %v after Close", err)
		}
		if _, err := l.Send([]link.Packet{whole("late")}); err != os.ErrClosed {
			t.Errorf("Send = %v after Close, want os.ErrClosed", err)
		}
		b.Close()
	})
}
