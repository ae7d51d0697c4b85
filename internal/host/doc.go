// Package host is the engine of the stack: one end system with its interfaces,
// addresses and routes, its neighbours, its UDP sockets and its TCP connections.
//
// On the way of a byte it stands between the links and the application. In: a
// link delivers a batch of packets on the goroutine of one of its queues (or, in
// memory, of the sender); input checks each packet, reassembles fragments, and
// hands it to TCP, UDP, ICMP, ARP, ND, IGMP or MLD. Out: a verb, a timer or an answer finds
// the route, writes all headers in one pass in front of payload that is referred
// to, and calls the link's Send. What knows a protocol (package tcp, and here the
// neighbourCache, the duplicateDetector, the routerDiscovery, the membership and the
// reassembler) has no lock and no clock; what is around it has no protocol.
//
// # Locks
//
// A goroutine that holds one of these takes only those that come after it:
//
//  1. TCPConn.mu
//  2. TCPListener.mu, timeWaitTable.mu
//  3. UDPConn.mu, Pinger.mu
//  4. Host.mu, which guards changes of interfaces, addresses and routes
//  5. autoconf.mu, groupTable.mu, neighbourTable.mu, reassembly.mu
//  6. the leaves, under which no other is taken: the shards of the flow table,
//     tcpListeners.mu, udpTable.mu, pingTable.mu, portTable.mu, pathMTUs.mu,
//     rateLimit.mu, watch.mu, tracing.mu, Host.randMu, memory.mu, tcp.Chunks', timers.mu;
//     below portTable.mu and those before it comes sharedPorts.mu
//
// No lock is held across Link.Send, a delivery, a timer's callback or a call of
// the application's code: over a link in memory the peer's answer arrives within
// Send. Nothing waits while it holds a mutex, but for sync.Cond on that mutex.
// Goroutines of the application that wait for an event are woken by wake.go, which may
// leave it to the Clock when.
//
// The way of a packet takes no lock for routes and addresses (a topology is
// replaced as a whole), for the groups of an interface (likewise), nor for a
// neighbour's MAC (one atomic word).
//
// # Bounds
//
// Each has a documented behaviour where it is defined, and a Reason that counts
// it: TCP connections, backlogs and records in TIME-WAIT; neighbours and what
// waits for them; routers, prefixes, addresses and redirects that routers tell;
// groups that sockets join, sockets that share a port; datagrams in reassembly;
// bytes queued at a UDP socket; pings; ICMP errors and resets sent a second, in
// all and to each destination; the UDP flows about which ICMP errors are believed;
// path MTUs.
//
// What of this grows with traffic counts in one budget besides: see memory.go for who
// takes from it, and tcp/budget.go for how it is shared out. Config.MemoryLimit bounds it.
//
// # Repetition
//
// With Config.Rand seeded and a Clock that calls back in the same order each time, the
// same calls have the same packets sent in the same order. So what is done to many
// things alike is done in an order that is not a map's, nor that of the goroutines which
// have made them: connections end, and timers and deadlines of one instant pass, in the
// order of addresses and ports. After New and Attach only the resolver reads Config.Rand.
//
// # Not here yet
//
// Multicast by source (RFC 4607), and its forwarding.
package host
