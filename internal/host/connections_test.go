package host

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
	"github.com/usernet-go/usernet/tcp"
)

// A watchedLink calls look, if it is set, while a batch is on its way out.
type watchedLink struct {
	link.Link
	look func()
}

func (l *watchedLink) Send(batch []link.Packet) (int, error) {
	if l.look != nil {
		l.look()
	}
	return l.Link.Send(batch)
}

// Connections says the same of a connection in TIME-WAIT whose last acknowledgment is
// just being sent as of one that is a record.
func TestConnectionsInTimeWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		la, lb := pipe.New(pipe.Config{})
		watched := &watchedLink{Link: la}
		a := newHostOn(t, watched, 1, hostNets)
		b := newHostOn(t, lb, 2, []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)})
		c, peer := tcpPair(t, a, b, "10.0.0.2:7")
		synctest.Wait()
		entering := 0
		watched.look = func() {
			for _, c := range a.Connections() {
				if c.State != tcp.StateTimeWait {
					continue
				}
				entering++
				if c.Info != nil || c.Timer != tcp.TimerTimeWait {
					t.Errorf("as it enters TIME-WAIT: %+v", c)
				}
			}
		}
		c.Close()
		peer.Close()
		synctest.Wait()
		if got := a.Connections(); len(got) != 1 || got[0].State != tcp.StateTimeWait || got[0].Info != nil {
			t.Errorf("at the end: %+v", got)
		}
		if entering == 0 {
			t.Error("its last acknowledgment was not seen on its way")
		}
	})
}
