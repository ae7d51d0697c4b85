package random

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Reader fills buffers with secure random numbers. It waits until the kernel has some,
// which is once, early in the machine's boot. Kernels before 3.17 have none to ask for.
var Reader io.Reader = kernel{}

type kernel struct{}

func (kernel) Read(b []byte) (n int, err error) {
	for n < len(b) {
		got, err := unix.Getrandom(b[n:], 0)
		switch err {
		case nil:
			n += got
		case unix.EINTR:
		default:
			return n, os.NewSyscallError("getrandom", err)
		}
	}
	return n, nil
}
