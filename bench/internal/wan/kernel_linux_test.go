package wan

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/usernet-go/usernet/bench/internal/ends"
)

// The kernel's TCP runs over the hop, with the congestion control that was asked for,
// and leaves nothing behind. Without the right to it the test skips, or fails with
// USERNET_REQUIRE_KERNEL_TESTS=1.
func TestKernel(t *testing.T) {
	linux, err := ends.Find(ends.Linux)
	if err != nil {
		t.Fatal(err)
	}
	if err := linux.Ready(); err != nil {
		if os.Getenv("USERNET_REQUIRE_KERNEL_TESTS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	before := descriptors(t)
	c := named("10M/20ms/1%")
	for _, algorithm := range []string{"cubic", "bbr"} {
		x, err := transfer(t.Context(), &c, Entry{linux, algorithm}, 1, 500*time.Millisecond)
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		if x.Goodput <= 0 || x.Goodput > 11 || x.Seen > x.Sent {
			t.Errorf("%s: %+v", algorithm, x)
		}
		if x.Resent < x.Seen {
			t.Errorf("%s: the kernel has sent %d segments again, the hop saw %d", algorithm, x.Resent, x.Seen)
		}
	}
	if _, err := transfer(t.Context(), &c, Entry{linux, "nothing"}, 1, time.Second); err == nil {
		t.Error("the kernel took a congestion control that it has not")
	}
	if after := descriptors(t); after > before+1 { // the runtime's poller
		t.Errorf("%d descriptors are open, before there were %d", after, before)
	}
	if i, err := net.InterfaceByName("bench0"); err == nil {
		t.Errorf("this namespace has the interface %s", i.Name)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
