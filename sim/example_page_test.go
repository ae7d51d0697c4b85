package sim_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// The tests that docs/testing.md quotes.

func TestHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Config{T: t, Seed: 1})
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{Delay: 100 * time.Millisecond, Loss: 0.2})

		ln, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		go http.Serve(ln, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { io.WriteString(out, "hello") }))

		web := http.Client{Transport: &http.Transport{DialContext: client.DialContext}}
		resp, err := web.Get("http://server/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); string(b) != "hello" || err != nil {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

// query asks a server: that is the program under test. It tries three times, for
// five seconds each.
func query(dial dialFunc, server, question string) (answer string, err error) {
	for range 3 {
		answer, err = queryOnce(dial, server, question)
		if err == nil {
			break
		}
	}
	return answer, err
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func queryOnce(dial dialFunc, server, question string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := dial(ctx, "tcp", server)
	if err != nil {
		return "", err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	c.SetDeadline(deadline)
	fmt.Fprintln(c, question)
	answer, err := io.ReadAll(c)
	return string(answer), err
}

// serve answers on ln until it is closed.
func serve(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Minute))
			var question string
			fmt.Fscanln(c, &question)
			fmt.Fprintf(c, "%s is 42", question)
		}()
	}
}

func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Config{T: t, Seed: 1})
		client, server := w.Host("client"), w.Host("server")
		cable := w.Connect(client, server, sim.Path{Delay: 20 * time.Millisecond})
		ln, err := server.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		go serve(ln)

		cable.Cut()
		time.AfterFunc(8*time.Second, cable.Heal)
		start := time.Now()
		answer, err := query(client.DialContext, "server:7", "life")
		if answer != "life is 42" || err != nil {
			t.Errorf("got %q, %v", answer, err)
		}
		if d := time.Since(start); d < 8*time.Second || d > 10*time.Second {
			t.Errorf("it took %v, want between 8 s and 10 s", d)
		}
	})
}

func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := sim.New(sim.Config{T: t, Seed: 1})
		client, server := w.Host("client"), w.Host("server")
		w.Connect(client, server, sim.Path{
			Delay: 20 * time.Millisecond,
			Back:  &sim.Path{Delay: 20 * time.Millisecond, Drop: sim.Text(1)},
		})
		ladder := w.Ladder(client, server)
		ln, err := server.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		go serve(ln)

		answer, err := query(client.DialContext, "server:7", "life")
		if answer != "life is 42" || err != nil {
			t.Errorf("got %q, %v", answer, err)
		}
		showReport(t, w.Report())
		time.Sleep(time.Minute) // until the connection has ended, at both ends
		showPicture(t, ladder.String())
	})
}

const page = "../docs/testing.md"

// showPicture wants the page to show what a test has drawn.
func showPicture(t *testing.T, picture string) {
	t.Helper()
	if !strings.Contains(readPage(t, page), "```text\n"+picture+"```\n") {
		t.Errorf("%s does not show this:\n%s", page, picture)
	}
}

// showReport wants the page to show what a failed test writes; numbers may be others.
func showReport(t *testing.T, report string) {
	t.Helper()
	numbers, spaces := regexp.MustCompile(`[\d.]+`), regexp.MustCompile(` +`)
	form := func(s string) string { return spaces.ReplaceAllString(numbers.ReplaceAllString(s, "0"), " ") }
	if !strings.Contains(form(readPage(t, page)), form("```text\n"+report+"```\n")) {
		t.Errorf("%s does not show this:\n%s", page, report)
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Each piece of Go on the page is a piece of a test that runs.
func TestPageQuotesTests(t *testing.T) {
	var sources []string
	for _, pattern := range []string{"*_test.go", "../examples/*/*_test.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %q, %v", pattern, names, err)
		}
		for _, name := range names {
			sources = append(sources, readPage(t, name))
		}
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(readPage(t, page), -1)
	if len(blocks) < 5 {
		t.Errorf("%d pieces of Go found in %s, want 5 or more: can this test still read it?", len(blocks), page)
	}
	startOfLine := regexp.MustCompile("(?m)^(.)")
	for _, block := range blocks {
		indented := block[1]
		quoted := false
		for range 5 {
			quoted = quoted || slices.ContainsFunc(sources, func(s string) bool { return strings.Contains("\n"+s, "\n"+indented) })
			indented = startOfLine.ReplaceAllString(indented, "\t$1")
		}
		if !quoted {
			t.Errorf("no test has this piece of %s:\n%s", page, block[1])
		}
	}
}

// Files that the page points to are there.
func TestPageLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readPage(t, page), -1)
	if len(links) == 0 {
		t.Errorf("no link found in %s: can this test still read it?", page)
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
			t.Error(err)
		}
	}
}
