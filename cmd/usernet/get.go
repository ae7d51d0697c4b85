package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/usernet-go/usernet"
)

// A getting is one use of get: what the command line says of it.
type getting struct {
	output   string
	cacert   string
	insecure bool
}

func newGet() *cobra.Command {
	var n network
	var g getting
	cmd := &cobra.Command{
		Use:   "get URL",
		Short: "Fetch what a URL names, by HTTP or HTTPS",
		Long: `Get fetches URL through the stack and writes it to the standard output, or to the
file that -o names. It follows redirects. On a terminal it shows how far it is.

The status is 1 when not all of it came, and the message then says how much did: a
file keeps that. It is 1 as well when the server answers with an error, such as 404;
nothing is written then.`,
		Example: `  usernet get http://10.9.0.1/ --link tap:tap0 --addr 10.9.0.2/24 --host-addr 10.9.0.1/24
  usernet get https://example.com/file -o file --link rawip --dns 192.0.2.53`,
		Args: oneArg("URL to fetch, for example http://10.9.0.1/file,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := parseURL(args[0])
			if err != nil {
				return err
			}
			if err := n.checkName(u.Hostname()); err != nil {
				return err
			}
			config, err := g.tls()
			if err != nil {
				return err
			}
			return n.with(cmd, func(ctx context.Context, s *usernet.Stack) error {
				return g.get(ctx, s.DialContext, config, u, cmd.OutOrStdout(), cmd.ErrOrStderr())
			})
		},
	}
	n.register(cmd)
	n.congestion.register(cmd)
	f := cmd.Flags()
	f.StringVarP(&g.output, "output", "o", "", "file to write to; - stands for the standard output, as does none")
	f.StringVar(&g.cacert, "cacert", "", "PEM file with the certificates that the server's must come from, in place of the system's")
	f.BoolVarP(&g.insecure, "insecure", "k", false, "take any certificate: who answers may be anybody")
	return cmd
}

// parseURL reads the argument of get.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "":
		return u, nil
	case err == nil && strings.Contains(s, "://") && u.Hostname() != "":
		return nil, usagef("%q: get knows http and https, not %q", s, u.Scheme)
	}
	return nil, usagef("%q: expected a URL, for example http://10.9.0.1/file or http://[fd00:9::1]:8080/", s)
}

// tls says whose certificates are believed; nil means the system's.
func (g *getting) tls() (*tls.Config, error) {
	switch {
	case g.insecure && g.cacert != "":
		return nil, usagef("--insecure takes any certificate, so that --cacert has no effect: expected one of the two")
	case g.insecure:
		return &tls.Config{InsecureSkipVerify: true}, nil
	case g.cacert == "":
		return nil, nil
	}
	pem, err := os.ReadFile(g.cacert)
	if err != nil {
		return nil, usagef("--cacert: %v", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, usagef("--cacert %s: no certificate in it: expected the PEM form, which begins with -----BEGIN CERTIFICATE-----", g.cacert)
	}
	return &tls.Config{RootCAs: roots}, nil
}

// get fetches u with connections that dial makes.
func (g *getting) get(ctx context.Context, dial dialFunc, config *tls.Config, u *url.URL, out, errOut io.Writer) error {
	farewell := &farewell{dial: dial}
	transport := &http.Transport{
		DialContext:         farewell.dialContext,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // what arrives is what the server has, and as long as it says
		DisableKeepAlives:   true,
		ReadBufferSize:      copyBuffer,
	}
	defer farewell.wait(ctx)
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "usernet")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return g.explain(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: the server answers %s", response.Request.URL.Redacted(), response.Status)
	}
	return g.save(ctx, response, out, errOut)
}

// explain adds to the error of a certificate that is not believed what can be
// done.
func (g *getting) explain(err error) error {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fmt.Errorf("%w: --cacert FILE names other certificates to believe, --insecure believes any", err)
	}
	return err
}
