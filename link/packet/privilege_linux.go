package packet

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// explainSocket says what it takes to open a packet socket.
func explainSocket(errno error) error {
	err := os.NewSyscallError("socket", errno)
	switch errno {
	case unix.EPERM, unix.EACCES:
		return fmt.Errorf("packet: socket of family AF_PACKET: the capability CAP_NET_RAW is missing: "+
			"run as root; or give it to the program (setcap cap_net_raw+ep PROGRAM); "+
			"or start the container with --cap-add NET_RAW: %w", err)
	case unix.EAFNOSUPPORT:
		return fmt.Errorf("packet: the kernel offers no packet sockets here: load its module (modprobe af_packet): %w", err)
	}
	return fmt.Errorf("packet: %w", err)
}
