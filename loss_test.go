package usernet_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

// Each path is taken in both directions at once, in virtual time.
var badPaths = []link.Path{
	{Delay: 10 * time.Millisecond, Loss: 0.01},
	{Delay: 10 * time.Millisecond, Loss: 0.01, Reorder: 0.01, ReorderDelay: 3 * time.Millisecond},
	{Delay: 5 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: 0.01, Reorder: 0.02, ReorderDelay: 4 * time.Millisecond, Duplicate: 0.01, Corrupt: 0.005},
	{Rate: 50e6, Delay: 20 * time.Millisecond, Loss: 0.03, Burst: 4},
	{Rate: 10e6, Queue: 20 << 10, Delay: 20 * time.Millisecond},
}

func TestBubbleLoss(t *testing.T) {
	for _, path := range badPaths {
		for _, gso := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v GSO %v", path, gso), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testLoss(t, path, gso) })
			})
		}
	}
}

func testLoss(t *testing.T, path link.Path, gso bool) {
	const size = 2 << 20
	near, far := pipe.New(pipe.Config{MTU: 1500, GSO: gso})
	up := link.Shape(near, link.ShapeConfig{Path: path, Seed: 1})
	down := link.Shape(far, link.ShapeConfig{Path: path, Seed: 2})
	a, b := newStack(t, usernet.Config{}), newStack(t, usernet.Config{})
	attach(t, a, up, 1)
	attach(t, b, down, 2)
	c, peer := connect(t, a, b)
	start := time.Now()
	var wg sync.WaitGroup
	for i, conn := range []*usernet.TCPConn{c, peer} {
		other := []*usernet.TCPConn{peer, c}[i]
		data := randomBytes(size + i)
		want := sha256.Sum256(data)
		wg.Go(func() {
			if _, err := conn.Write(data); err != nil {
				t.Error(err)
			}
			if err := conn.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			h := sha256.New()
			n, err := io.Copy(h, other)
			if err != nil || n != int64(len(data)) || [32]byte(h.Sum(nil)) != want {
				t.Errorf("%d bytes of %d arrived, %v; or they differ", n, len(data), err)
			}
		})
	}
	wg.Wait()
	us, ds := up.Stats(), down.Stats()
	lost := us.Lost + us.Overflow + us.Corrupted
	if lost == 0 || ds.Lost+ds.Overflow+ds.Corrupted == 0 {
		t.Errorf("the path lost nothing: %+v, %+v", us, ds)
	}
	// As many packets again as the data needs would be a storm.
	if limit := uint64(4*size/1448 + 200); us.Sent > limit || ds.Sent > limit {
		t.Errorf("%d and %d packets were sent for %d bytes each way", us.Sent, ds.Sent, size)
	}
	t.Logf("%v: %d of %d and %d of %d packets did not arrive", time.Since(start), lost, us.Sent, ds.Lost+ds.Overflow+ds.Corrupted, ds.Sent)
	c.Close()
	peer.Close()
}
