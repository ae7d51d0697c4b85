package sides

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/usernet-go/usernet/bench/internal/load"
)

// Subcommand is what the program is called with to be a side. What follows is Near or
// far, and the Spec in JSON.
const Subcommand = "side"

const (
	near = "near"
	far  = "far"
)

// Run measures in processes of its own: the program starts itself again, whose main
// calls Main. Environment is added to theirs.
func Run(ctx context.Context, s Spec, environment ...string) (load.Figures, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience())
	defer cancel()
	c, err := command(ctx, near, s)
	if err != nil {
		return nil, err
	}
	c.Env = append(os.Environ(), environment...)
	// Standard input ends with this process, whatever happens to it, and the side with that.
	if _, err := c.StdinPipe(); err != nil {
		return nil, err
	}
	// The far side has its standard error from it, and ends a little later.
	c.WaitDelay = waitDelay
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	if s.NeedsRoot() {
		inNamespace(c)
	}
	if err := c.Run(); err != nil {
		text := strings.TrimSpace(errOut.String())
		if n := len(text); n > 2000 {
			text = text[:2000] + " ..."
		}
		return nil, errors.Join(ctx.Err(), explain(fmt.Errorf("%w: %s", err, text)))
	}
	var f load.Figures
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		return nil, fmt.Errorf("a side wrote %q: %w", out.String(), err)
	}
	return f, nil
}

// waitDelay is how long one that has inherited a side's output may outlive it.
const waitDelay = time.Second

// patience is how long the processes may take: they are ended then.
func (s Spec) patience() time.Duration {
	return 2*time.Minute + 2*(s.Work.Warmup+s.Work.Duration) + time.Duration(s.Work.Pairs)*200*time.Microsecond
}

// command returns that of a side.
func command(ctx context.Context, role string, s Spec) (*exec.Cmd, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, program, Subcommand, role, string(b)), nil
}

// Main is a side's main; args follow Subcommand.
func Main(args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("a side is started by bench itself")
	}
	var s Spec
	if err := json.Unmarshal([]byte(args[1]), &s); err != nil {
		return err
	}
	if args[0] == far {
		return runFar(s)
	}
	go endWithInput()
	run := func() (load.Figures, error) {
		if s.inMemory() {
			return runJoined(context.Background(), s)
		}
		return runNear(s)
	}
	var f load.Figures
	var err error
	if s.Profile {
		f, err = profiled(run)
	} else {
		f, err = run()
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(f)
}

// endWithInput ends the process when whoever started it is gone.
func endWithInput() {
	io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}
