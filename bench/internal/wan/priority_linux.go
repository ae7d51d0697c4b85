package wan

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Ours before other programs' work: who measures time by the clock must not wait
// behind it. Without the right to it (CAP_SYS_NICE) all stays as it is, and Late tells.
const niceness = -15

// hurry raises the priority of this process, of all threads that it has and will have.
func hurry() {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			unix.Setpriority(unix.PRIO_PROCESS, id, niceness)
		}
	}
}
