package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit statuses.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// errInterrupted ends a command that a signal stopped before it was done.
var errInterrupted = errors.New("interrupted")

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	os.Exit(status)
}

// run executes one command line and returns its exit status. Cancelling ctx
// interrupts it.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root, started := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(errOut, "usernet: %v\n", err)
	// Whatever goes wrong before a command runs is wrong in its command line.
	var usage *usageError
	if *started && !errors.As(err, &usage) {
		return exitFailure
	}
	fmt.Fprintf(errOut, "Usage: %s\n'%s --help' says more.\n", cmd.UseLine(), cmd.CommandPath())
	return exitUsage
}

// A usageError is a mistake in the command line.
type usageError struct{ what string }

func (e *usageError) Error() string { return e.what }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// newRoot returns the command with all its subcommands, and whether one of them
// has begun to run.
func newRoot() (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:   "usernet",
		Short: "A TCP/IP stack that runs inside a program",
		Long: `usernet runs a TCP/IP stack of its own, inside this program: over a wire in memory
(demo); or (echo, get, ping) over a TUN or TAP device with the kernel's stack at the
other end, over an interface of the host with an address of its own, or with the
host's own addresses beside its kernel.`,
		Example: `  usernet demo
  usernet echo serve 10.9.0.2:7 --link tap:tap0 --addr 10.9.0.2/24 --host-addr 10.9.0.1/24
  usernet get https://example.com/ --link rawip --dns 192.0.2.53`,
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: func(*cobra.Command, []string) { *started = true },
	}
	root.AddCommand(newDemo(), newEcho(), newGet(), newPing())
	return root, started
}
