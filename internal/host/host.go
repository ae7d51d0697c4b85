package host

import (
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usernet-go/usernet/internal/random"
	"github.com/usernet-go/usernet/internal/siphash"
	"github.com/usernet-go/usernet/internal/text"
	"github.com/usernet-go/usernet/tcp"
)

// Config configures a Host. The zero value is ready for use: fields that are zero
// mean their defaults.
type Config struct {
	Clock  Clock      // the system's; it may be a Waker besides
	Rand   io.Reader  // the operating system: sequence numbers, ports, MACs, identifiers
	TCP    tcp.Config // what the connections share
	Tracer tcp.Tracer // of connections whose TCPOptions say nothing; none
	Logger Logger     // none: says nothing

	// AddressSecret is secret_key of RFC 7217; random by default.
	AddressSecret []byte

	TTL uint8 // time to live, hop limit of what is sent; 64

	Forwarding bool // packets for others are sent on, as by a router

	MaxConnections int // TCP connections, half-open ones included; 65536
	MaxTimeWait    int // records of connections in TIME-WAIT; 65536

	// MemoryLimit bounds what is held, in bytes: see memory; 1 GiB, or what MaxConnections
	// need.
	MemoryLimit int64

	MaxNeighbours          int // entries in the neighbour table of one interface; 1024
	MaxReassemblyBytes     int // of datagrams that are not whole yet; 4 MiB
	MaxReassemblyDatagrams int // likewise; 256
	UDPReceiveBuffer       int // bytes queued at one UDP socket; 256 KiB
	ICMPErrorRate          int // ICMP errors and TCP resets sent a second, each; 1000, about 50 at once, a quarter to one host
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Rand == nil {
		c.Rand = random.Reader
	}
	c.Logger = loggerOr(c.Logger)
	if c.TTL == 0 {
		c.TTL = 64 // RFC 1122, 3.2.1.7: "When a fixed TTL value is used, it MUST be configurable."
	}
	for _, d := range []struct {
		field *int
		value int
	}{
		{&c.MaxConnections, 65536},
		{&c.MaxTimeWait, 65536},
		{&c.MaxNeighbours, 1024},
		{&c.MaxReassemblyBytes, 4 << 20},
		{&c.MaxReassemblyDatagrams, 256},
		{&c.UDPReceiveBuffer, 256 << 10},
		{&c.ICMPErrorRate, 1000},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if c.MemoryLimit <= 0 {
		c.MemoryLimit = max(defaultMemory, int64(c.MaxConnections)*2*tcpConnCost)
	}
	return c
}

// A Host is one end system: its interfaces, addresses, routes, sockets and
// connections. Its methods may be called by many goroutines at once.
type Host struct {
	config Config
	clock  Clock
	waker  Waker // the clock, if it is one
	log    Logger
	ttl    uint8 // of the packets we send
	epoch  time.Time
	stats  counters
	timers timers
	ports  portTable
	shared sharedPorts // ports that are in use, for links that share them

	randMu sync.Mutex // guards config.Rand; a leaf

	mu         sync.Mutex // guards changes of net, and closed; see doc.go for the order
	closed     bool
	done       chan struct{}            // closed when Close is done
	net        atomic.Pointer[topology] // interfaces, addresses, routes: replaced as a whole
	lo         *iface                   // packets to ourselves
	interfaces atomic.Uint32            // that were ever made

	receivers  sync.WaitGroup // goroutines of the links' receive queues
	inputs     sync.Pool      // of *inputBatch
	outputs    sync.Pool      // of *datagram: room for packets other than TCP's
	udpBuffers udpBuffers

	udp        udpTable
	pings      pingTable
	reassembly reassembly
	memory     memory
	pathMTUs   pathMTUs
	watch      watch

	addressSecret siphash.Key         // of stableIdentifiers
	ids           [1024]atomic.Uint32 // of datagrams in fragments: see nextID
	icmpErrors    rateLimit
	recent        recentDatagrams

	tcpHost
}

// New makes a host without links: it reaches itself, at 127.0.0.1 and ::1.
func New(config Config) (*Host, error) {
	config = config.withDefaults()
	h := &Host{config: config, clock: config.Clock, log: config.Logger, ttl: config.TTL, done: make(chan struct{})}
	h.waker, _ = h.clock.(Waker)
	h.epoch = h.clock.Now()
	h.timers.init(h.clock, h.epoch)
	var secret siphash.Key
	var seed, ids, limit, recent [32]byte
	for _, b := range [][]byte{secret[:], seed[:], ids[:], limit[:], recent[:]} {
		if err := h.random(b); err != nil {
			return nil, err
		}
	}
	h.ports.init(secret, binary.BigEndian.Uint32(seed[0:]))
	h.shared.init(h.log)
	if h.addressSecret = identifierKey(config.AddressSecret); len(config.AddressSecret) == 0 {
		if err := h.random(h.addressSecret[:]); err != nil {
			return nil, err
		}
	}
	h.pings.init(binary.BigEndian.Uint16(seed[4:]))
	h.initIDs(ids)
	h.recent.init(recent)
	h.icmpErrors.init(config.ICMPErrorRate, limit)
	h.inputs.New = func() any { return &inputBatch{h: h} }
	h.outputs.New = func() any { return new(datagram) }
	h.udp.init()
	h.reassembly.init(h)
	if err := h.initTCP(); err != nil {
		return nil, err
	}
	h.lo = newLoopback(h)
	if err := h.lo.groups.init(h.lo); err != nil {
		return nil, err
	}
	h.net.Store(newTopology(h.lo))
	return h, nil
}

// random fills b from Config.Rand.
func (h *Host) random(b []byte) error {
	h.randMu.Lock()
	defer h.randMu.Unlock()
	if _, err := io.ReadFull(h.config.Rand, b); err != nil {
		return text.Errorf("random numbers: %w", err)
	}
	return nil
}

// Close resets connections, closes sockets and links, and waits until no
// goroutine or callback of the host runs any more. It must not be called from
// within a delivery of a link, a callback of the Clock or a Tracer. A second Close waits
// for the first.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		<-h.done
		return nil
	}
	h.closed = true
	h.mu.Unlock()

	h.syncGroups(h.clock.Now(), h.net.Load(), new(topology))
	h.closeAllTCP()
	h.udp.closeAll()
	h.pings.closeAll()
	h.timers.close()
	h.shared.close()
	for _, p := range h.net.Load().places {
		p.ifc.close()
	}
	h.receivers.Wait()
	h.tracing.close()
	h.wakeByClose(h.done)
	return nil
}
