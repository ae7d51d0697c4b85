//go:build unix

package load

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func processorTime() time.Duration {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// residentMemory returns the bytes that are resident, and the most that ever were; 0
// where the system does not tell.
func residentMemory() (now, peak uint64) {
	return kilobytes("/proc/self/status", "VmRSS:"), kilobytes("/proc/self/status", "VmHWM:")
}

// kernelMemory returns the bytes in the kernel's slabs, of the whole machine.
func kernelMemory() uint64 { return kilobytes("/proc/meminfo", "Slab:") }

// kilobytes reads a line of a file in /proc, and returns bytes.
func kilobytes(file, name string) uint64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == name {
			n, _ := strconv.ParseUint(string(fields[1]), 10, 64)
			return n << 10
		}
	}
	return 0
}
