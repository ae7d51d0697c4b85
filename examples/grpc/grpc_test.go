package grpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/usernet-go/usernet/sim"
)

// service is what is tested. Its protocol is that of gRPC's own tests, so that
// nothing has to be generated here.
type service struct {
	pb.UnimplementedTestServiceServer
}

// UnaryCall returns the payload of the request.
func (service) UnaryCall(ctx context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return &pb.SimpleResponse{Payload: in.Payload}, nil
}

// StreamingOutputCall sends as many messages as the request has parameters, each of
// the size and after the pause that they ask for.
func (service) StreamingOutputCall(in *pb.StreamingOutputCallRequest, out grpc.ServerStreamingServer[pb.StreamingOutputCallResponse]) error {
	for i, p := range in.ResponseParameters {
		time.Sleep(time.Duration(p.IntervalUs) * time.Microsecond)
		body := bytes.Repeat([]byte{byte(i)}, int(p.Size))
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: body}}); err != nil {
			return err
		}
	}
	return nil
}

// FullDuplexCall returns the payload of each message.
func (service) FullDuplexCall(both grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
	for {
		in, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := both.Send(&pb.StreamingOutputCallResponse{Payload: in.Payload}); err != nil {
			return err
		}
	}
}

// start runs the service on one host, and returns a connection to it from another,
// and the cable between them. All is closed when the test is over.
func start(t *testing.T, path sim.Path) (*grpc.ClientConn, *sim.Cable) {
	w := sim.New(sim.Config{T: t, Seed: 42})
	client, server := w.Host("client"), w.Host("server")
	cable := w.Connect(client, server, path)

	ln, err := server.Listen("tcp", ":50051")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	pb.RegisterTestServiceServer(s, service{})
	go s.Serve(ln)
	t.Cleanup(s.Stop)

	conn, err := grpc.NewClient("passthrough:///server:50051",
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			return client.DialContext(ctx, "tcp", addr)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// A server that is silent for 10 s is asked for a sign of life, and is given up 5 s later.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		// While there is no connection, one is tried each second, then less often, up to each 4 s.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 4 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, cable
}

// echo makes one unary call.
func echo(c pb.TestServiceClient, timeout time.Duration, body []byte, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	out, err := c.UnaryCall(ctx, &pb.SimpleRequest{Payload: &pb.Payload{Body: body}}, opts...)
	if err == nil && !bytes.Equal(out.Payload.GetBody(), body) {
		return errors.New("the answer is another than what was sent")
	}
	return err
}

var lossy = sim.Path{Delay: 20 * time.Millisecond, Rate: 20 * sim.Mbps, Loss: 0.05}

func TestUnaryThroughLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, cable := start(t, lossy)
		c := pb.NewTestServiceClient(conn)
		for i := range 50 {
			if err := echo(c, 10*time.Second, bytes.Repeat([]byte{byte(i)}, 4000)); err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
		}
		if there, back := cable.Stats(); there.Lost == 0 || back.Lost == 0 {
			t.Errorf("nothing was lost: %+v, %+v", there, back)
		}
	})
}

func TestStreamsThroughLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, cable := start(t, lossy)
		c := pb.NewTestServiceClient(conn)

		const messages, size = 50, 8 << 10
		request := new(pb.StreamingOutputCallRequest)
		for range messages {
			request.ResponseParameters = append(request.ResponseParameters, &pb.ResponseParameters{Size: size})
		}
		down, err := c.StreamingOutputCall(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for i := range messages {
			m, err := down.Recv()
			if err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			if !bytes.Equal(m.Payload.Body, bytes.Repeat([]byte{byte(i)}, size)) {
				t.Fatalf("message %d is not what was sent", i)
			}
		}
		if _, err := down.Recv(); err != io.EOF {
			t.Errorf("after the last message: %v, want EOF", err)
		}

		both, err := c.FullDuplexCall(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range messages {
			body := []byte{byte(i)}
			if err := both.Send(&pb.StreamingOutputCallRequest{Payload: &pb.Payload{Body: body}}); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			m, err := both.Recv()
			if err != nil || !bytes.Equal(m.Payload.Body, body) {
				t.Fatalf("answer %d: %v, %v", i, m, err)
			}
		}
		both.CloseSend()
		if _, err := both.Recv(); err != io.EOF {
			t.Errorf("after the last answer: %v, want EOF", err)
		}
		if there, back := cable.Stats(); there.Lost == 0 || back.Lost == 0 {
			t.Errorf("nothing was lost: %+v, %+v", there, back)
		}
	})
}

// TCP bridges a short partition: a stream goes on where it was.
func TestStreamOverShortPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, cable := start(t, sim.Path{Delay: 20 * time.Millisecond})
		request := new(pb.StreamingOutputCallRequest)
		for range 30 {
			request.ResponseParameters = append(request.ResponseParameters, &pb.ResponseParameters{Size: 100, IntervalUs: 100_000})
		}
		stream, err := pb.NewTestServiceClient(conn).StreamingOutputCall(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, cable.Cut)
		time.AfterFunc(4*time.Second, cable.Heal)
		n, longest := 0, time.Duration(0)
		for {
			before := time.Now()
			if _, err := stream.Recv(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
			n, longest = n+1, max(longest, time.Since(before))
		}
		if n != 30 || longest < 3*time.Second {
			t.Errorf("%d messages, with a pause of %v; want 30, and 3 s or more", n, longest)
		}
	})
}

// During a long partition calls run into their deadlines, then the connection is
// given up, and calls fail at once, or wait if they are asked to. After it gRPC
// reconnects by itself.
func TestReconnectAfterPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, cable := start(t, sim.Path{Delay: 20 * time.Millisecond})
		c := pb.NewTestServiceClient(conn)
		if err := echo(c, time.Second, []byte("before")); err != nil {
			t.Fatal(err)
		}

		cable.Cut()
		start := time.Now()
		err := echo(c, 3*time.Second, []byte("lost"))
		if status.Code(err) != codes.DeadlineExceeded || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v; want the deadline, after 3 s", time.Since(start), err)
		}

		// Nobody answers when the client asks for a sign of life.
		start = time.Now()
		err = echo(c, time.Minute, []byte("lost, too"))
		if d := time.Since(start); status.Code(err) != codes.Unavailable || d > 15*time.Second {
			t.Errorf("after %v: %v; want Unavailable, after 15 s at most", d, err)
		}
		// The next call has gRPC dial, and waits for that; those after it do not.
		start = time.Now()
		err = echo(c, time.Minute, []byte("not even sent"))
		if d := time.Since(start); status.Code(err) != codes.Unavailable || d > 6*time.Second {
			t.Errorf("after %v: %v; want Unavailable, after 6 s at most", d, err)
		}
		start = time.Now()
		err = echo(c, time.Minute, []byte("nor this"))
		if status.Code(err) != codes.Unavailable || time.Since(start) != 0 {
			t.Errorf("after %v: %v; want Unavailable, at once", time.Since(start), err)
		}
		synctest.Wait() // gRPC lets calls fail before it notes its state
		if got := conn.GetState(); got != connectivity.TransientFailure {
			t.Errorf("the connection is in state %v, want %v", got, connectivity.TransientFailure)
		}

		waiting := make(chan error, 1)
		go func() { waiting <- echo(c, time.Hour, []byte("patience"), grpc.WaitForReady(true)) }()
		time.Sleep(10 * time.Minute)
		cable.Heal()
		start = time.Now()
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		// The backoff and its jitter, and what TCP waits before it sends a SYN again.
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("the call went through %v after the partition was over", d)
		}
		if err := echo(c, time.Second, []byte("after")); err != nil {
			t.Error(err)
		}
	})
}
