package wan

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// niceness puts our work before that of other programs: who measures by the clock must
// not wait behind it. Without the right to it (CAP_SYS_NICE) all stays as it is, and
// Late tells.
const niceness = -15

// hurry raises the priority of this process: of all threads that it has and will have.
// The threads of hops go before these.
//
// No thread gets a real-time policy. Threads of Go's runtime spin for locks that others
// hold: one that cannot be preempted by those spins for ever, and takes the machine
// with it.
func hurry() {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			unix.Setpriority(unix.PRIO_PROCESS, id, niceness)
		}
	}
}
