package pipe_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/link/pipe"
)

func packet(pieces ...string) link.Packet {
	var p link.Packet
	for _, s := range pieces {
		p.Data = append(p.Data, []byte(s))
	}
	return p
}

func join(p link.Packet) string { return string(bytes.Join(p.Data, nil)) }

// receive runs Receive of l in a goroutine and returns when senders deliver
// directly: when a packet sent into peer arrives uncopied. The function that it
// returns waits for Receive's end and returns its error.
func receive(t *testing.T, l, peer link.Link, deliver func([]link.Packet)) (wait func() error) {
	t.Helper()
	probe := packet("probe")
	var direct atomic.Bool
	ended := make(chan error, 1)
	go func() {
		ended <- l.Receive(0, func(batch []link.Packet) {
			if direct.Load() {
				deliver(batch)
			} else if &batch[0].Data[0][0] == &probe.Data[0][0] {
				direct.Store(true)
			}
		})
	}()
	for !direct.Load() {
		if _, err := peer.Send([]link.Packet{probe}); err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	return func() error { return <-ended }
}

func send(t *testing.T, l link.Link, batch ...link.Packet) {
	t.Helper()
	if n, err := l.Send(batch); n != len(batch) || err != nil {
		t.Errorf("Send of %d packets = %d, %v", len(batch), n, err)
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		cfg  pipe.Config
		want link.Info
	}{
		{pipe.Config{}, link.Info{MTU: 1500, MaxPieces: 1024, ChecksumOffload: true, Queues: 1}},
		{pipe.Config{MTU: 68, Medium: link.IP, GSO: true}, link.Info{Medium: link.IP, MTU: 68, MaxSegment: 65535, MaxPieces: 1024, ChecksumOffload: true, Queues: 1}},
	} {
		a, b := pipe.New(tt.cfg)
		if a.Info() != tt.want || b.Info() != tt.want {
			t.Errorf("%+v: Info %+v and %+v, want %+v", tt.cfg, a.Info(), b.Info(), tt.want)
		}
	}
	for _, tt := range []struct {
		cfg  pipe.Config
		want string
	}{
		{pipe.Config{MTU: 67}, "67 bytes"},
		{pipe.Config{MTU: -1}, "-1 bytes"},
		{pipe.Config{MTU: 65536}, "65536 bytes"},
		{pipe.Config{Medium: 7}, "unknown medium 7"},
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, tt.want) {
					t.Errorf("%+v: panics with %q, want %q in it", tt.cfg, r, tt.want)
				}
			}()
			pipe.New(tt.cfg)
		}()
	}
}

// What is sent arrives before Send returns, uncopied, with its offload.
func TestDeliversOnTheSendersGoroutine(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	var got []link.Packet
	wait := receive(t, b, a, func(batch []link.Packet) { got = append(got, batch...) })
	p, q := packet("head", "payload"), packet("second")
	p.Offload = link.Offload{Segmentation: link.SegmentTCPv4, SegmentSize: 1460, HeaderLen: 54, Checksum: link.ChecksumPartial, ChecksumStart: 34, ChecksumOffset: 16}
	send(t, a, p, q)
	if len(got) != 2 {
		t.Fatalf("%d packets arrived by the return of Send, want 2", len(got))
	}
	if got[0].Offload != p.Offload {
		t.Errorf("offload %+v arrived, %+v was sent", got[0].Offload, p.Offload)
	}
	for i := range p.Data {
		if &got[0].Data[i][0] != &p.Data[i][0] {
			t.Errorf("piece %d was copied", i)
		}
	}
	if join(got[1]) != "second" {
		t.Errorf("second packet %q", join(got[1]))
	}
	if n, err := a.Send(nil); n != 0 || err != nil || len(got) != 2 {
		t.Errorf("Send of nothing = %d, %v, and delivers %d", n, err, len(got)-2)
	}
	b.Close()
	if err := wait(); err != nil {
		t.Errorf("Receive = %v after Close, want nil", err)
	}
}

// Both ends answer each packet from within deliver.
func TestReentrance(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	var n atomic.Int64
	answer := func(l link.Link) func([]link.Packet) {
		return func([]link.Packet) {
			if n.Add(1) < 1000 {
				send(t, l, packet("x"))
			}
		}
	}
	waitB := receive(t, b, a, answer(b))
	waitA := receive(t, a, b, answer(a))
	send(t, a, packet("x"))
	if n.Load() != 1000 {
		t.Errorf("%d deliveries by the return of the first Send, want 1000", n.Load())
	}
	a.Close()
	b.Close()
	if err := errors.Join(waitA(), waitB()); err != nil {
		t.Error(err)
	}
}

// A sender may reuse its memory as soon as Send returns, also before the other
// end's first Receive; that one sees the oldest 64 packets in order.
func TestBacklog(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	head, tail := make([]byte, 2), make([]byte, 2)
	for i := range 70 {
		copy(head, fmt.Sprintf("%02d", i))
		copy(tail, "ok")
		p := link.Packet{Data: [][]byte{head, tail}, Offload: link.Offload{Checksum: link.ChecksumPartial, ChecksumStart: uint16(i)}}
		want := 1
		if i >= 64 {
			want = 0
		}
		if n, err := a.Send([]link.Packet{p}); n != want || err != nil {
			t.Fatalf("Send %d before the first Receive = %d, %v, want %d", i, n, err, want)
		}
		clear(head)
		clear(tail)
	}
	next := 0
	flushed := make(chan struct{})
	go b.Receive(0, func(batch []link.Packet) {
		for _, p := range batch {
			if want := fmt.Sprintf("%02dok", next); join(p) != want || int(p.Offload.ChecksumStart) != next%64 {
				t.Errorf("packet %q with offload %+v, want %q", join(p), p.Offload, want)
			}
			if next++; next == 64 {
				// Sent while older ones are being handed over: comes after them.
				send(t, a, packet("64", "ok"))
			}
		}
		if next == 65 {
			close(flushed)
		}
	})
	<-flushed
	if next != 65 {
		t.Errorf("%d packets, want 65", next)
	}
	b.Close()
}

// A batch of which only a part has room is taken in part.
func TestBacklogTakesPartOfABatch(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	batch := make([]link.Packet, 100)
	for i := range batch {
		batch[i] = packet("x")
	}
	if n, err := a.Send(batch); n != 64 || err != nil {
		t.Errorf("Send of 100 = %d, %v, want 64", n, err)
	}
	b.Close()
	if n, err := a.Send(batch); n != 100 || err != nil {
		t.Errorf("Send of 100 towards a closed end = %d, %v, want 100: a cut wire", n, err)
	}
}

func TestOrderAcrossTheFirstReceive(t *testing.T) {
	for range 50 {
		a, b := pipe.New(pipe.Config{})
		const total = 200
		go func() {
			for i := 0; i < total; {
				n, err := a.Send([]link.Packet{packet(fmt.Sprint(i))})
				if err != nil {
					t.Error(err)
					return
				}
				i += n
			}
		}()
		next := 0
		all := make(chan struct{})
		go b.Receive(0, func(batch []link.Packet) {
			for _, p := range batch {
				if join(p) != fmt.Sprint(next) {
					t.Errorf("got %s, want %d", join(p), next)
				}
				next++
			}
			if next == total {
				close(all)
			}
		})
		<-all
		a.Close()
		b.Close()
	}
}

func TestClosed(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	arrived := 0
	wait := receive(t, b, a, func(batch []link.Packet) { arrived += len(batch) })
	b.Close()
	if err := wait(); err != nil {
		t.Errorf("Receive = %v after Close, want nil", err)
	}
	send(t, a, packet("vanishes"))
	if arrived != 0 {
		t.Errorf("%d packets delivered after Close", arrived)
	}
	if n, err := b.Send([]link.Packet{packet("x")}); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Send after Close = %d, %v, want os.ErrClosed", n, err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	a.Close()
	if err := a.Receive(0, nil); err != nil {
		t.Errorf("Receive after Close = %v, want nil", err)
	}
}

// A closed end lets go of its stack, however long the other end lives.
func TestClosedForgetsItsReceiver(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	defer a.Close()
	stack := func() weak.Pointer[[4096]byte] {
		memory := new([4096]byte)
		wait := receive(t, b, a, func([]link.Packet) { memory[0]++ })
		send(t, a, packet("x"))
		b.Close()
		if err := wait(); err != nil || memory[0] != 1 {
			t.Errorf("Receive = %v after %d packets", err, memory[0])
		}
		return weak.Make(memory)
	}()
	runtime.GC()
	if stack.Value() != nil {
		t.Error("the closed end holds what deliver refers to")
	}
	send(t, a, packet("vanishes"))
}

func TestReceiveIsRefused(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	if err := a.Receive(1, nil); err == nil {
		t.Error("Receive of queue 1 succeeds")
	}
	wait := receive(t, a, b, func([]link.Packet) {})
	if err := a.Receive(0, func([]link.Packet) {}); err == nil {
		t.Error("second Receive succeeds")
	}
	a.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// Close returns after the deliveries that it found, and a delivery nested in
// one of them does not hold it up.
func TestCloseWaitsForDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe.New(pipe.Config{})
		hold := make(chan struct{})
		var nested, left atomic.Bool
		go b.Receive(0, func(batch []link.Packet) {
			if join(batch[0]) == "nested" {
				nested.Store(true)
				return
			}
			<-hold
			send(t, a, packet("nested")) // b is closing: vanishes
			left.Store(true)
		})
		synctest.Wait()
		go send(t, a, packet("x"))
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			b.Close()
			if !left.Load() {
				t.Error("Close returns before the delivery")
			}
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("Close returns while a delivery runs")
		default:
		}
		close(hold)
		<-closed
		if nested.Load() {
			t.Error("a packet was delivered after Close began")
		}
	})
}

// Senders on both ends, closed in the middle: nothing is delivered once Close
// has returned, and nobody hangs.
func TestConcurrentClose(t *testing.T) {
	for range 30 {
		a, b := pipe.New(pipe.Config{})
		var aClosed, bClosed atomic.Bool
		waitA := receive(t, a, b, func([]link.Packet) {
			if aClosed.Load() {
				t.Error("delivered at a after its Close")
			}
		})
		waitB := receive(t, b, a, func([]link.Packet) {
			if bClosed.Load() {
				t.Error("delivered at b after its Close")
			}
			b.Send([]link.Packet{packet("answer")})
		})
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for {
					if _, err := a.Send([]link.Packet{packet("x")}); err != nil {
						return
					}
				}
			})
		}
		b.Close()
		bClosed.Store(true)
		a.Close()
		aClosed.Store(true)
		senders.Wait()
		if err := errors.Join(waitA(), waitB()); err != nil {
			t.Error(err)
		}
	}
}

func TestSendAllocatesNothing(t *testing.T) {
	a, b := pipe.New(pipe.Config{})
	bytes := 0
	wait := receive(t, b, a, func(batch []link.Packet) {
		for i := range batch {
			bytes += batch[i].Len()
		}
	})
	batch := []link.Packet{packet("head", "payload"), packet("x")}
	if n := testing.AllocsPerRun(100, func() { a.Send(batch) }); n != 0 {
		t.Errorf("%v allocations in Send, want 0", n)
	}
	if bytes != 101*12 {
		t.Errorf("%d bytes arrived, want %d", bytes, 101*12)
	}
	b.Close()
	wait()
}
