package usernet_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet"
	"github.com/usernet-go/usernet/link/pipe"
)

// webCases are what http_test.go runs, in real and in virtual time.
var webCases = []struct {
	name  string
	tls   bool
	proto string
}{
	{"HTTP", false, "HTTP/1.1"},
	{"TLS", true, "HTTP/1.1"},
	{"HTTP2", true, "HTTP/2.0"},
}

func TestWeb(t *testing.T) {
	for _, c := range webCases {
		t.Run(c.name, func(t *testing.T) {
			for _, w := range wires {
				t.Run(w.name, func(t *testing.T) { testWeb(t, w.Config, c.tls, c.proto) })
			}
		})
	}
}

func TestBubbleWeb(t *testing.T) {
	for _, c := range webCases {
		t.Run(c.name, func(t *testing.T) {
			for _, w := range wires {
				t.Run(w.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { testWeb(t, w.Config, c.tls, c.proto) })
				})
			}
		})
	}
}

// testWeb serves on one stack what some clients of the other send, and sends it
// back.
func testWeb(t *testing.T, wire pipe.Config, useTLS bool, proto string) {
	a, b := newPair(t, usernet.Config{}, wire)
	l, err := b.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Peer", r.RemoteAddr)
		w.WriteHeader(http.StatusAccepted)
		w.Write(body)
	})}
	transport := &http.Transport{DialContext: a.DialContext}
	scheme := "http"
	if useTLS {
		cert, roots := certificate(t)
		scheme = "https"
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
		transport.ForceAttemptHTTP2 = proto == "HTTP/2.0"
	}
	served := make(chan error, 1)
	go func() {
		if useTLS {
			served <- srv.ServeTLS(l, "", "")
		} else {
			served <- srv.Serve(l)
		}
	}()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	url := scheme + "://" + net.JoinHostPort("10.0.0.2", port(l.Addr()))

	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 3 {
				echo(t, client, url, proto, bytes.Repeat([]byte{byte(i), byte(j)}, 1<<(4*j+9)))
			}
		})
	}
	wg.Wait()
	transport.CloseIdleConnections()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
}

func echo(t *testing.T, client *http.Client, url, proto string, body []byte) {
	resp, err := client.Post(url, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(got, body) || resp.StatusCode != http.StatusAccepted || resp.Proto != proto {
		t.Errorf("%s %s: %d of %d bytes, %v", resp.Proto, resp.Status, len(got), len(body), err)
	}
	if peer, _, _ := net.SplitHostPort(resp.Header.Get("Peer")); peer != "10.0.0.1" {
		t.Errorf("the server saw %q", resp.Header.Get("Peer"))
	}
}

// certificate makes one for 10.0.0.2 that signs itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		IPAddresses:           []net.IP{net.IPv4(10, 0, 0, 2)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
