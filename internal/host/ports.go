package host

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/usernet-go/usernet/internal/siphash"
	"github.com/usernet-go/usernet/wire"
)

// A Family says which addresses a socket takes.
type Family uint8

const (
	FamilyAny  Family = iota // both: a wildcard address stands for those of IPv4 and IPv6
	FamilyIPv4               // IPv4 only
	FamilyIPv6               // IPv6 only
)

// takes says whether a wildcard of family f takes packets to addr.
func (f Family) takes(addr netip.Addr) bool {
	return f == FamilyAny || addr.Is4() == (f == FamilyIPv4)
}

// The ephemeral ports. RFC 6056, 3.2: "[...] ephemeral port selection algorithms
// should use the whole range 1024-65535 [...]", less the ports that programs are
// known to bind, which like the kernel we leave below the range.
const (
	firstEphemeral = 32768
	numEphemeral   = 65536 - firstEphemeral
)

// portTable knows which addresses and ports are bound, for TCP and UDP each. A
// connection that shares its listener's port is not in it: the flow table is.
type portTable struct {
	mu     sync.Mutex // a leaf in the lock order
	tcp    map[uint16][]*portBinding
	udp    map[uint16][]*portBinding
	secret siphash.Key   // of ephemeral's F
	next   atomic.Uint32 // RFC 6056's next_ephemeral
}

// A portBinding is one bound address and port, until release.
type portBinding struct {
	protocol wire.Protocol
	addr     netip.Addr // unspecified: all of family
	port     uint16
	family   Family
	sharing  bool // others that do so may have the same address and port
	counted  bool // as a use of the port: see sharedPorts; guarded by the table's mu
}

func (t *portTable) init(secret siphash.Key, start uint32) {
	t.tcp, t.udp = make(map[uint16][]*portBinding), make(map[uint16][]*portBinding)
	t.secret = secret
	t.next.Store(start)
}

func (t *portTable) of(p wire.Protocol) map[uint16][]*portBinding {
	if p == wire.ProtocolTCP {
		return t.tcp
	}
	return t.udp
}

// conflicts says whether two bindings of one port exclude each other, as the
// kernel has it: equal addresses do, and a wildcard does with every address that
// it takes. The wildcards of two single families do not.
func (b *portBinding) conflicts(o *portBinding) bool {
	bw, ow := b.addr.IsUnspecified(), o.addr.IsUnspecified()
	switch {
	case bw && ow:
		return b.family == FamilyAny || o.family == FamilyAny || b.family == o.family
	case bw:
		return b.family.takes(o.addr)
	case ow:
		return o.family.takes(b.addr)
	}
	return b.addr == o.addr
}

// maxSharing is how many bindings that do so share a port.
const maxSharing = 256

// add binds b unless another binding excludes it.
func (t *portTable) add(b *portBinding) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	ports, sharing := t.of(b.protocol), 0
	for _, o := range ports[b.port] {
		if b.sharing && o.sharing {
			if sharing++; sharing == maxSharing {
				return false
			}
		} else if b.conflicts(o) {
			return false
		}
	}
	ports[b.port] = append(ports[b.port], b)
	return true
}

// release ends a binding.
func (t *portTable) release(b *portBinding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ports := t.of(b.protocol)
	for i, o := range ports[b.port] {
		if o != b {
			continue
		}
		last := len(ports[b.port]) - 1
		ports[b.port][i] = ports[b.port][last]
		ports[b.port][last] = nil
		if ports[b.port] = ports[b.port][:last]; last == 0 {
			delete(ports, b.port)
		}
		return
	}
}

// bound says whether a binding takes what comes to local.
func (t *portTable) bound(p wire.Protocol, local netip.AddrPort) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.of(p)[local.Port()] {
		if o.addr == local.Addr() || o.addr.IsUnspecified() && o.family.takes(local.Addr()) {
			return true
		}
	}
	return false
}

// ephemeral offers ports to try, in the order of RFC 6056, 3.3.3 (algorithm 3),
// until try takes one; false when it has refused them all. try is called with no
// lock of the table held, and may claim the port that it takes.
func (t *portTable) ephemeral(p wire.Protocol, local netip.Addr, remote netip.AddrPort, try func(port uint16) bool) bool {
	// RFC 6056, 3.3.3: "offset = F(local_IP, remote_IP, remote_port, secret_key);"
	offset := t.offset(p, local, remote)
	for range numEphemeral {
		// "port = min_ephemeral + (next_ephemeral + offset) % num_ephemeral;
		// next_ephemeral++;"
		next := t.next.Add(1) - 1
		if try(uint16(firstEphemeral + (next+offset)%numEphemeral)) {
			return true
		}
	}
	return false
}

func (t *portTable) offset(p wire.Protocol, local netip.Addr, remote netip.AddrPort) uint32 {
	var in [1 + 16 + 16 + 2]byte
	in[0] = byte(p)
	l, r := local.As16(), remote.Addr().As16()
	copy(in[1:], l[:])
	copy(in[17:], r[:])
	binary.BigEndian.PutUint16(in[33:], remote.Port())
	return uint32(t.secret.Sum(in[:]))
}

// bind binds local for p, choosing a port if it has none. An unspecified address
// stands for all of the family's; any other must be one of the host's.
func (h *Host) bind(p wire.Protocol, local netip.AddrPort, family Family) (*portBinding, error) {
	b := &portBinding{protocol: p, addr: local.Addr().Unmap().WithZone(""), port: local.Port(), family: family}
	switch {
	case !b.addr.IsValid():
		b.addr = netip.IPv6Unspecified()
	case b.addr.IsUnspecified():
		if b.addr.Is4() && family == FamilyAny {
			b.family = FamilyIPv4
		}
	case !family.takes(b.addr) || !h.mayBind(p, b.addr):
		return nil, ErrAddrNotAvail
	}
	if err := h.claim(b, netip.AddrPortFrom(netip.IPv6Unspecified(), 0)); err != nil {
		return nil, err
	}
	return b, nil
}
