package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/tcp"
)

const fetchedSize = 3 << 20

func fetchedText() string { return strings.Repeat("what a server has\n", fetchedSize/18) }

// pages are what the test's server has.
func pages(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/text":
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(fetchedText()))
	case "/chunked":
		io.WriteString(w, "no length")
		w.(http.Flusher).Flush()
	case "/there":
		http.Redirect(w, r, "/text", http.StatusFound)
	case "/round":
		http.Redirect(w, r, "/round", http.StatusFound)
	case "/short":
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "begun")
	case "/stuck":
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		http.NotFound(w, r)
	}
}

// webServer serves pages on a stack, and returns the URL of its root; with
// encrypt by HTTPS, and then with its certificate.
func webServer(t *testing.T, s *usernet.Stack, encrypt bool) (string, []byte) {
	t.Helper()
	ln, err := s.Listen("tcp", serverAddr+":0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(pages))
	server.Listener.Close()
	server.Listener = ln
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that believe no certificate are part of the test
	t.Cleanup(server.Close)
	if !encrypt {
		server.Start()
		return server.URL, nil
	}
	server.StartTLS()
	return server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// fetch gets what a URL names.
func fetch(t *testing.T, ctx context.Context, g *getting, dial dialFunc, address string) (string, error) {
	t.Helper()
	u, err := parseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	config, err := g.tls()
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	err = g.get(ctx, dial, config, u, &out, &errOut)
	if errOut.Len() > 0 {
		t.Errorf("%s: on the standard error, which is no terminal: %q", address, &errOut)
	}
	return out.String(), err
}

func TestGet(t *testing.T) {
	server, client := joined(t, nil)
	base, _ := webServer(t, server, false)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for _, tt := range []struct{ page, want, err string }{
		{"/text", fetchedText(), ""},
		{"/there", fetchedText(), ""},
		{"/chunked", "no length", ""},
		{"/nothing", "", base + "/nothing: the server answers 404 Not Found"},
		{"/round", "", "stopped after 10 redirects"},
		{"/short", "begun", "5 of 1000 bytes came: the server has closed the connection"},
	} {
		got, err := fetch(t, ctx, &getting{}, client.DialContext, base+tt.page)
		if got != tt.want || (tt.err == "") != (err == nil) || !strings.Contains(text(err), tt.err) {
			t.Errorf("%s: %d bytes, error %v; want %d bytes, %q", tt.page, len(got), err, len(tt.want), tt.err)
		}
	}
	if _, err := fetch(t, ctx, &getting{}, client.DialContext, "http://"+serverAddr+":9/"); !strings.Contains(text(err), "connection refused") {
		t.Errorf("where nobody listens: %v", err)
	}
	// The stack's end resets nothing that is on its way: the servers know that all
	// connections have ended.
	for _, c := range client.Connections() {
		if c.Info != nil && c.State != tcp.StateFinWait2 {
			t.Errorf("after the end: %v", c)
		}
	}
}

func TestGetFile(t *testing.T) {
	server, client := joined(t, nil)
	base, _ := webServer(t, server, false)
	file := filepath.Join(t.TempDir(), "file")
	g := &getting{output: file}
	want := func(content string) {
		t.Helper()
		if b, err := os.ReadFile(file); err != nil || string(b) != content {
			t.Errorf("the file holds %d bytes, %v; want %d", len(b), err, len(content))
		}
	}
	if out, err := fetch(t, t.Context(), g, client.DialContext, base+"/text"); err != nil || out != "" {
		t.Errorf("%q on the standard output, %v", out, err)
	}
	want(fetchedText())

	// What the server refuses leaves the file alone.
	if _, err := fetch(t, t.Context(), g, client.DialContext, base+"/nothing"); !strings.Contains(text(err), "404") {
		t.Error(err)
	}
	want(fetchedText())

	_, err := fetch(t, t.Context(), g, client.DialContext, base+"/short")
	if got := text(err); got != "5 of 1000 bytes came, which are in "+file+": the server has closed the connection" {
		t.Error(got)
	}
	want("begun")

	g.output = filepath.Join(file, "below")
	if _, err := fetch(t, t.Context(), g, client.DialContext, base+"/text"); !strings.Contains(text(err), "not a directory") {
		t.Errorf("a file that cannot be: %v", err)
	}
	g.output = "-"
	if out, err := fetch(t, t.Context(), g, client.DialContext, base+"/text"); err != nil || out != fetchedText() {
		t.Errorf("-o -: %d bytes, %v", len(out), err)
	}
}

func TestGetInterrupted(t *testing.T) {
	server, client := joined(t, nil)
	base, _ := webServer(t, server, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	u, _ := url.Parse(base + "/stuck")
	out, ended := make(ready, 1), make(chan error, 1)
	go func() { ended <- (&getting{}).get(ctx, client.DialContext, nil, u, out, io.Discard) }()
	<-out
	cancel()
	if err := <-ended; text(err) != "5 of 1000 bytes came: interrupted" {
		t.Error(err)
	}
}

func TestGetTLS(t *testing.T) {
	server, client := joined(t, nil)
	base, certificate := webServer(t, server, true)
	cacert := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cacert, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	// The certificate is for example.com.
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(base, "https://"))
	named := func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "example.com:"+port {
			return nil, fmt.Errorf("dialled %s", address)
		}
		return client.DialContext(ctx, network, net.JoinHostPort(serverAddr, port))
	}
	address := "https://example.com:" + port + "/there"
	for _, g := range []*getting{{cacert: cacert}, {insecure: true}} {
		got, err := fetch(t, t.Context(), g, named, address)
		if err != nil || got != fetchedText() {
			t.Errorf("%+v: %d bytes, %v", *g, len(got), err)
		}
	}
	_, err := fetch(t, t.Context(), &getting{}, named, address)
	var unknown *tls.CertificateVerificationError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "--cacert FILE names other certificates to believe, --insecure believes any") {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
}

func TestDownloadLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := download{total: 100e6, began: time.Now()}
		unknown := download{total: -1, began: time.Now()}
		if got, want := known.line(), "0 B of 100 MB, 0%, 0 B/s"; got != want {
			t.Errorf("at the begin: %q, want %q", got, want)
		}
		time.Sleep(3 * time.Second)
		known.came.Store(30e6)
		unknown.came.Store(30e6)
		if got, want := known.line(), "30 MB of 100 MB, 30%, 10 MB/s, 7s left"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got, want := unknown.line(), "30 MB, 10 MB/s"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
