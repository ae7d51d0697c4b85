package wan

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// longestSpin is how long a thread may run without ever waiting.
const longestSpin = 10 * time.Second

// hurry puts this process, all threads that it has and will have, before those of
// other programs, until calm is called: who measures by the clock must not wait behind
// them. Without the right to it (CAP_SYS_NICE) all stays as it is, and Late tells.
//
// All threads have the same priority, those of hops too. Threads of Go's runtime spin
// for locks that others hold: before one whose priority is higher, those never run, and
// with it the machine stands still. Should one spin all the same, the kernel ends this
// process (RLIMIT_RTTIME).
func hurry() (calm func()) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &before); err != nil {
		return func() {}
	}
	limit := before
	limit.Cur = min(limit.Max, uint64(longestSpin.Microseconds()))
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &limit); err != nil {
		return func() {}
	}
	schedule := func(policy, priority uint32) {
		tasks, _ := os.ReadDir("/proc/self/task")
		for _, t := range tasks {
			if id, err := strconv.Atoi(t.Name()); err == nil {
				unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy, Priority: priority}, 0)
			}
		}
	}
	schedule(unix.SCHED_RR, 1)
	return func() {
		schedule(unix.SCHED_NORMAL, 0)
		unix.Setrlimit(unix.RLIMIT_RTTIME, &before)
	}
}
