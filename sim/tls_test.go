package sim_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// The standard library's TLS, with HTTP/1.1 and HTTP/2, through a network that loses
// packets, and a partition of a second: uploads and downloads arrive as they were sent.
func TestTLS(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			began := time.Now()
			synctest.Test(t, func(t *testing.T) { testTLS(t, proto) })
			t.Logf("in %v", time.Since(began).Round(time.Millisecond))
		})
	}
}

func testTLS(t *testing.T, proto string) {
	w := sim.New(sim.Config{T: t, Seed: 42})
	client, server := w.Host("client"), w.Host("server")
	cable := w.Connect(client, server, sim.Path{Rate: 10 * sim.Mbps, Delay: 20 * time.Millisecond, Loss: 0.05})

	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Protocol", r.Proto)
		w.Write(body)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that closes a connection too many is no error
	ln, err := server.Listen("tcp", "server:443")
	if err != nil {
		t.Fatal(err)
	}
	srv.Listener.Close()
	srv.Listener = ln
	srv.EnableHTTP2 = proto == "HTTP/2.0"
	srv.StartTLS()
	defer srv.Close()
	web := srv.Client()
	transport := web.Transport.(*http.Transport)
	transport.DialContext = client.DialContext
	transport.TLSClientConfig.ServerName = "example.com" // which the certificate of httptest is for

	start := time.Now()
	time.AfterFunc(500*time.Millisecond, cable.Cut)
	time.AfterFunc(1500*time.Millisecond, cable.Heal)
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for j := range 3 {
				body := bytes.Repeat(fmt.Appendf(nil, "%d of %d\n", j, i), 2000)
				if err := post(web, srv.URL, proto, body); err != nil {
					t.Errorf("request %d of client %d: %v", j, i, err)
				}
			}
		})
	}
	wg.Wait()
	t.Log(time.Since(start))
	there, back := cable.Stats()
	if there.Lost == 0 || back.Lost == 0 || there.Cut+back.Cut == 0 {
		t.Errorf("the network did no harm: %+v, %+v", there, back)
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("it took %v, want at most a minute", d)
	}
}

// post wants an echo of body.
func post(web *http.Client, url, proto string, body []byte) error {
	resp, err := web.Post(url, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(got, body):
		return fmt.Errorf("%d bytes came back, which are not the %d that were sent", len(got), len(body))
	case resp.Header.Get("Protocol") != proto:
		return fmt.Errorf("the protocol is %s, want %s", resp.Header.Get("Protocol"), proto)
	}
	return nil
}
