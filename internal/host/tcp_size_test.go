package host

import (
	"testing"
	"unsafe"
)

// What an idle connection costs, its key in the flow table and an accepted
// connection's application apart: 1024 bytes is a size that the allocator has.
func TestTCPConnSize(t *testing.T) {
	if n := unsafe.Sizeof(TCPConn{}); n > 1024 {
		t.Errorf("TCPConn has %d bytes, want at most 1024", n)
	}
}
