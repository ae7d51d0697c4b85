package sides

import (
	"context"
	"net"
	"net/rpc"
	"os"
	"testing"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// A far side ends when its near one is gone, even while it does what it was called for.
func TestFarEnds(t *testing.T) {
	call, farServes, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	serve, farCalls, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer serve.Close()
	const enough = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), enough)
	defer cancel()
	c, err := command(ctx, far, Spec{Stack: Linux, Link: Memory, Work: load.Work{Kind: load.Keep}})
	if err != nil {
		t.Fatal(err)
	}
	c.ExtraFiles = []*os.File{farServes, farCalls}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	farServes.Close()
	farCalls.Close()
	// Without connections the work is a call of ours, which gets no answer.
	client := rpc.NewClient(call)
	client.Go("Side.Run", None{}, new(load.Figures), nil)
	serve.SetDeadline(time.Now().Add(enough))
	if _, err := serve.Read(make([]byte, 1)); err != nil {
		t.Errorf("the far side did not call: %v", err)
	}
	client.Close()
	if err := c.Wait(); err != nil {
		t.Errorf("the far side: %v", err)
	}
}

// Started by hand, a side leaves the settings of its namespace alone.
func TestFresh(t *testing.T) {
	devices, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	up := false
	for _, d := range devices {
		up = up || d.Flags&net.FlagUp != 0
	}
	if err := fresh(); (err != nil) != up {
		t.Errorf("a device is up: %v: %v", up, err)
	}
}
