// Command bench measures usernet beside other TCP/IP stacks, in one run and by the same
// rules.
//
//	go run ./bench compare
//
// compares speed, latency, memory and the cost of an import with the kernel's TCP and
// gVisor's netstack, and
//
//	go run ./bench wan
//
// compares goodput, retransmissions, waiting and fairness on bad networks with the
// same. The kernel's rows need root. Run either with -help for what can be picked.
//
// The exit status is 0 for success, 1 when something failed or what was asked for is
// missing, 2 when the command line was wrong.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/usernet-go/usernet/bench/internal/sides"
)

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx := context.Background()
	if len(os.Args) < 2 || os.Args[1] != sides.Subcommand { // which has nothing to write, and ends at once
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "compare":
			return runCompare(ctx, args[1:], out, errOut)
		case "wan":
			return runWAN(ctx, args[1:], out, errOut)
		case sides.Subcommand:
			if err := sides.Main(args[1:], out); err != nil {
				fmt.Fprintln(errOut, err)
				return exitFailure
			}
			return exitOK
		}
	}
	fmt.Fprintln(errOut, "Usage: bench compare [flags]\n       bench wan [flags]\n'-help' behind either says more.")
	return exitUsage
}
