package rawip

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel refuses is explained, with its errno in the chain.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err   error
		errno unix.Errno
		says  string
	}{
		{explainSocket(unix.EPERM), unix.EPERM, "CAP_NET_RAW is missing: run as root; or give it to the program (setcap"},
		{explainSocket(unix.EMFILE), unix.EMFILE, "too many open files"},
		{explainFirewall(fmt.Errorf("netlink receive: %w", unix.EPERM)), unix.EPERM, "CAP_NET_ADMIN is missing"},
		{explainFirewall(os.NewSyscallError("recvmsg", unix.EOPNOTSUPP)), unix.EOPNOTSUPP, "offers no nftables here"},
		{explainFirewall(os.NewSyscallError("socket", unix.EPROTONOSUPPORT)), unix.EPROTONOSUPPORT, "modprobe nf_tables"},
		{explainFirewall(unix.EINVAL), unix.EINVAL, "the kernel (5.12 or later)"},
		{explainFirewall(unix.ENOMEM), unix.ENOMEM, "hides ports"},
		{explainReserve(80, "bind", unix.EADDRINUSE, 3), unix.EADDRINUSE, "TCP port 80 belongs to another program"},
		{explainReserve(firstUDP+53, "socket", unix.EMFILE, 3), unix.EMFILE, "UDP port 53: no descriptor is left for it: each port takes one, 3 have theirs"},
		{explainReserve(80, "bind", unix.EACCES, 3), unix.EACCES, "CAP_NET_BIND_SERVICE is missing"},
		{explainReserve(80, "socket", unix.ENOBUFS, 3), unix.ENOBUFS, "reserving TCP port 80"},
	} {
		if !errors.Is(c.err, c.errno) || !strings.Contains(c.err.Error(), c.says) || !strings.HasPrefix(c.err.Error(), "rawip: ") {
			t.Errorf("%v; want %q and %v", c.err, c.says, c.errno)
		}
	}
}
