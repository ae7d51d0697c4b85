package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// resume fetches url. When the connection breaks, or nothing has come for three
// seconds, it asks for what is missing, until the context is done: that is the program
// under test.
func resume(ctx context.Context, web *http.Client, url string) ([]byte, error) {
	var got bytes.Buffer
	for etag := ""; ; {
		err := resumeOnce(ctx, web, url, &got, &etag)
		if err == nil {
			return got.Bytes(), nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(time.Second):
		}
	}
}

func resumeOnce(ctx context.Context, web *http.Client, url string, got *bytes.Buffer, etag *string) error {
	const patience = 3 * time.Second
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(patience, cancel)
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	if got.Len() > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", got.Len()))
		req.Header.Set("If-Range", *etag)
	}
	resp, err := web.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		got.Reset() // all of it, once more
		*etag = resp.Header.Get("ETag")
	case http.StatusPartialContent:
	default:
		return errors.New(resp.Status)
	}
	for b := make([]byte, 16<<10); ; {
		n, err := resp.Body.Read(b)
		got.Write(b[:n])
		watchdog.Reset(patience)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// serveFile serves data on port 80 of a host, at any path.
func serveFile(t *testing.T, h *sim.Host, data []byte, asked func(r *http.Request)) {
	t.Helper()
	ln, err := h.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked(r)
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "file.bin", time.Time{}, bytes.NewReader(data))
	})}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
}

// aFile returns that many bytes that do not repeat soon.
func aFile(size int) []byte {
	b := make([]byte, 0, size+16)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "line %d\n", i)
	}
	return b[:size]
}

func TestDownloadResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Config{T: t, Seed: 42})
		client, server := w.Host("client"), w.Host("server")
		cable := w.Connect(client, server, sim.Path{Rate: 2 * sim.Mbps, Delay: 20 * time.Millisecond})

		file := aFile(1 << 20) // 4 s, at best
		var ranges []string
		serveFile(t, server, file, func(r *http.Request) { ranges = append(ranges, r.Header.Get("Range")) })
		time.AfterFunc(2*time.Second, cable.Cut)
		time.AfterFunc(30*time.Second, cable.Heal)

		start := time.Now()
		web := &http.Client{Transport: &http.Transport{DialContext: client.DialContext}}
		got, err := resume(t.Context(), web, "http://server/file.bin")
		if err != nil || !bytes.Equal(got, file) {
			t.Errorf("got %d bytes, %v; want the file's %d", len(got), err, len(file))
		}
		if d := time.Since(start); d < 30*time.Second || d > 40*time.Second {
			t.Errorf("it took %v, want 30 s to 40 s", d)
		}
		var first int
		if len(ranges) != 2 || ranges[0] != "" {
			t.Fatalf("the server was asked for %q; want the file, and then the rest", ranges)
		}
		if _, err := fmt.Sscanf(ranges[1], "bytes=%d-", &first); err != nil || first < 200_000 {
			t.Errorf("the second request is for %q; what came before the partition was thrown away", ranges[1])
		}
	})
}

// A server of httptest is put on a host by its listener.
func TestServerOfHTTPTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Config{T: t, Seed: 42})
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: 20 * time.Millisecond})

		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "hello, %s", r.URL.Query().Get("name"))
		}))
		ln, err := server.Listen("tcp", "server:8080") // with an address, for the sake of srv.URL
		if err != nil {
			t.Fatal(err)
		}
		srv.Listener.Close()
		srv.Listener = ln
		srv.Start()
		defer srv.Close()
		web := srv.Client()
		web.Transport.(*http.Transport).DialContext = client.DialContext

		for _, name := range []string{"Ada", "Bob"} {
			resp, err := web.Get(srv.URL + "/?name=" + name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(b) != "hello, "+name || err != nil {
				t.Errorf("got %q, %v", b, err)
			}
		}
	})
}

var networks = []struct {
	name  string
	path  sim.Path
	later func(c *sim.Cable) // what happens in mid-download
	want  time.Duration      // at most
}{
	{name: "DSL", path: sim.Path{
		Rate: 1 * sim.Mbps, Delay: 15 * time.Millisecond, // from the client
		Back: &sim.Path{Rate: 16 * sim.Mbps, Delay: 15 * time.Millisecond},
	}, want: time.Second},
	{name: "lossy Wi-Fi", path: sim.Path{
		Rate: 20 * sim.Mbps, Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.03, Burst: 3,
	}, want: 10 * time.Second},
	{name: "satellite", path: sim.Path{
		Rate: 20 * sim.Mbps, Delay: 300 * time.Millisecond, Loss: 0.001,
	}, want: 10 * time.Second},
	{name: "mobile", path: sim.Path{Rate: 10 * sim.Mbps, Delay: 30 * time.Millisecond},
		// Half a second without a cell, then a slower one.
		later: func(c *sim.Cable) {
			c.Cut()
			time.Sleep(500 * time.Millisecond)
			c.Set(sim.Path{Rate: 2 * sim.Mbps, Delay: 80 * time.Millisecond, Jitter: 40 * time.Millisecond})
			c.Heal()
		}, want: 10 * time.Second},
}

func TestNetworks(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := sim.New(sim.Config{T: t, Seed: 42})
				client, server := w.Host("client"), w.Host("server")
				cable := w.Connect(client, server, n.path)
				file := aFile(256 << 10)
				serveFile(t, server, file, func(*http.Request) {})
				if n.later != nil {
					time.AfterFunc(100*time.Millisecond, func() { n.later(cable) })
				}

				start := time.Now()
				web := &http.Client{Transport: &http.Transport{DialContext: client.DialContext}}
				got, err := resume(t.Context(), web, "http://server/file.bin")
				if err != nil || !bytes.Equal(got, file) {
					t.Errorf("got %d bytes, %v; want the file's %d", len(got), err, len(file))
				}
				if d := time.Since(start); d > n.want {
					t.Errorf("it took %v, want at most %v", d, n.want)
				} else {
					t.Log(d)
				}
			})
		})
	}
}
