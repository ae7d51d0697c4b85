package host

import (
	"testing"
	"unsafe"
)

// What an idle connection costs, its key in the flow table and an accepted
// connection's application apart: 896 bytes is a size that the allocator has.
func TestTCPConnSize(t *testing.T) {
	if n := unsafe.Sizeof(TCPConn{}); n > 896 {
		t.Errorf("TCPConn has %d bytes, want at most 896", n)
	}
}
