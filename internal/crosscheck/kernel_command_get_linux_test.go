package crosscheck

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKernelCommandGet fetches from a server on the kernel's TCP, by HTTP and
// HTTPS, over every kind of link; several at once.
func TestKernelCommandGet(t *testing.T) {
	t.Parallel()
	needKernel(t, "go", "nft")
	exe := buildCommand(t)
	const n = 20 << 20
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			body, _ := payload(8, n)
			w.Header().Set("Content-Length", fmt.Sprint(n))
			io.Copy(w, body)
		case "/moved":
			http.Redirect(w, r, "/file", http.StatusMovedPermanently)
		default:
			http.NotFound(w, r)
		}
	})
	for _, kind := range []string{"tap", "tun", "packet", "rawip"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newPath(t, pathConfig{mtu: 1500})
			client := p.router
			if kind == "packet" || kind == "rawip" {
				client = p.newNeighbour(t)
			}
			plain := httptest.NewUnstartedServer(pages)
			secure := httptest.NewUnstartedServer(pages)
			for _, s := range []*httptest.Server{plain, secure} {
				s.Listener.Close()
				s.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that does not believe the certificate is part of the test
				var err error
				p.far.do(func() { s.Listener, err = net.Listen("tcp", ":0") })
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.Close)
			}
			plain.Start()
			secure.EnableHTTP2 = true
			secure.StartTLS()
			cacert := filepath.Join(t.TempDir(), "ca.pem")
			block := &pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}
			if err := os.WriteFile(cacert, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
			url := func(scheme, addr string, s *httptest.Server, page string) string {
				return scheme + "://" + hostPort(addr, s.Listener.Addr().(*net.TCPAddr).Port) + page
			}

			// The certificate is not for these addresses.
			const wrongName = "x509: certificate is valid for"
			out, err := client.command(exe, append([]string{"get", url("https", far4, secure, "/file"), "--cacert", cacert}, nearFlags(kind)...)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), wrongName) {
				t.Errorf("%s: a certificate of another host: %v\n%s", kind, err, out)
			}
			out, err = client.command(exe, append([]string{"get", url("http", far4, plain, "/nothing")}, nearFlags(kind)...)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "404 Not Found") {
				t.Errorf("%s: what is not there: %v\n%s", kind, err, out)
			}

			var wg sync.WaitGroup
			for i, u := range []string{url("http", far4, plain, "/moved"), url("https", far6, secure, "/file")} {
				fetch := func() {
					began := time.Now()
					got := newSink()
					cmd := client.command(exe, append([]string{"get", u, "--insecure"}, nearFlags(kind)...)...)
					cmd.Stdout = got
					get := start(t, cmd)
					wait := func() {
						<-get.done
						if get.err != nil || get.stderr.String() != "" {
							t.Errorf("%v: %v\n%s", cmd.Args, get.err, &get.stderr)
							return
						}
						if want := payloadSum(8, n); got.count.Load() != n || string(got.sum.Sum(nil)) != string(want.Sum(nil)) {
							t.Errorf("%s: %d bytes came, want %d with their sum", u, got.count.Load(), n)
						}
						t.Logf("%s: %s", u, rate(n, began))
					}
					if kind == "rawip" && i == 0 {
						wg.Go(wait) // beside the next: other kinds have a device or an address of their own
						return
					}
					wait()
				}
				fetch()
			}
			wg.Wait()
		})
	}
}

// TestKernelCommandGetCut wants to know how much came before the server was gone.
func TestKernelCommandGetCut(t *testing.T) {
	t.Parallel()
	needKernel(t, "go")
	exe := buildCommand(t)
	host := newNetns(t)
	var l net.Listener
	var err error
	host.do(func() { l, err = net.Listen("tcp", ":80") })
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		w.Write(make([]byte, 40_000))
		panic(http.ErrAbortHandler)
	})
	file := filepath.Join(t.TempDir(), "file")
	out, err := host.command(exe, append([]string{"get", "http://" + gate4 + "/", "-o", file}, nearFlags("tap")...)...).CombinedOutput()
	if want := "40000 of 100000 bytes came, which are in " + file + ": "; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s, want %s", err, out, want)
	}
	if i, err := os.Stat(file); err != nil || i.Size() != 40_000 {
		t.Errorf("the file: %v, %v", i, err)
	}
}
