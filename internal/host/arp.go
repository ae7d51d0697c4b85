package host

import (
	"net/netip"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// arp takes an ARP packet: RFC 826, "Packet Reception".
func (b *inputBatch) arp(head []byte) Reason {
	a, r := wire.ParseARP(head)
	if r != wire.OK {
		return wireReason(r)
	}
	b.tcp.flush()
	probe := a.Sender.IsUnspecified() // RFC 5227, 1.1
	switch {
	case a.SenderMAC.IsMulticast() || a.SenderMAC.IsZero(),
		!probe && (a.Sender.IsMulticast() || a.Sender.IsLoopback() || b.t.isBroadcast(a.Sender)):
		return ReasonARPSender
	case b.t.own[a.Sender] != nil && a.SenderMAC == b.ifc.mac:
		return ReasonARPSender // our own packet has come back
	case b.t.own[a.Sender] != nil:
		b.defend(&a)
		return ReasonConflict
	case b.t.own[a.Target] != b.ifc:
		return b.overheardARP(&a)
	}
	m := neighbourMessage{kind: neighbourAnswers, addr: a.Sender, mac: a.SenderMAC, solicited: !b.frameGroup, override: true}
	if a.Operation != wire.ARPRequest {
		if a.Operation != wire.ARPReply || probe {
			return ReasonARPSender
		}
		return b.ifc.neighbours.receive(b.now, m)
	}
	if !probe {
		m.kind = neighbourAsks
		b.ifc.neighbours.receive(b.now, m)
	}
	reply := wire.ARP{
		Operation: wire.ARPReply, SenderMAC: b.ifc.mac, Sender: a.Target, TargetMAC: a.SenderMAC, Target: a.Sender,
	}
	b.ifc.sendARP(a.SenderMAC, &reply)
	return ReasonNone
}

// defend answers an ARP packet of another host that has our address: RFC 5227, 2.4
// (c), for addresses are configured here and not to be given up. "[...] a host
// receives a conflicting ARP packet, then it should take appropriate steps to log
// useful information [...]. If the host has not seen any other conflicting ARP
// packets recently, within the last DEFEND_INTERVAL seconds, then it MUST record the
// time that the conflicting ARP packet was received, and then broadcast one single
// ARP Announcement". What is remembered of neighbours stays as it is.
func (b *inputBatch) defend(a *wire.ARP) {
	now := max(1, int64(b.now.Sub(b.h.epoch)))
	last := b.ifc.conflict.Swap(now)
	if last != 0 && now-last < int64(defendInterval) {
		return
	}
	b.h.log.Warn("address is used by another host", "interface", b.ifc.name, "address", a.Sender, "mac", a.SenderMAC)
	if b.t.own[a.Sender] == b.ifc {
		announcement := wire.ARP{Operation: wire.ARPRequest, SenderMAC: b.ifc.mac, Sender: a.Sender, Target: a.Sender}
		b.ifc.sendARP(wire.Broadcast, &announcement)
	}
}

// overheardARP takes an ARP packet about another host, a gratuitous one among
// them. RFC 826: "If the pair <protocol type, sender protocol address> is already
// in my translation table, update the sender hardware address field of the entry".
func (b *inputBatch) overheardARP(a *wire.ARP) Reason {
	if a.Sender.IsUnspecified() {
		return ReasonARPTarget
	}
	m := neighbourMessage{kind: neighbourTells, addr: a.Sender, mac: a.SenderMAC}
	if b.ifc.neighbours.receive(b.now, m) != ReasonNone {
		return ReasonARPTarget
	}
	return ReasonNone
}

// sendARPRequest asks for e.addr: all, or its owner alone when e.mac is known.
func (t *neighbourTable) sendARPRequest(e *neighbourEvent) {
	request := wire.ARP{
		Operation: wire.ARPRequest, SenderMAC: t.ifc.mac, Sender: t.solicitFrom(e), Target: e.addr,
	}
	dst := e.mac
	if dst.IsZero() {
		dst = wire.Broadcast
	}
	if !request.Sender.IsValid() {
		request.Sender = netip.IPv4Unspecified()
	}
	t.ifc.sendARP(dst, &request)
}

// solicitFrom returns our address for a solicitation. RFC 4861, 7.2.2: "If the
// source address of the packet prompting the solicitation is the same as one of the
// addresses assigned to the outgoing interface, that address SHOULD be placed in
// the IP Source Address of the outgoing solicitation."
func (t *neighbourTable) solicitFrom(e *neighbourEvent) netip.Addr {
	net := t.ifc.h.net.Load()
	if net.own[e.asker] == t.ifc {
		return e.asker
	}
	return net.sourceFor(t.ifc, e.addr, e.addr)
}

func (ifc *iface) sendARP(dst wire.MAC, a *wire.ARP) {
	h := wire.Ethernet{Dst: dst, Src: ifc.mac, Type: wire.EtherTypeARP}
	frame := a.Append(h.Append(make([]byte, 0, wire.EthernetLen+wire.ARPLen)))
	packet := [1]link.Packet{{Data: [][]byte{frame}}}
	ifc.transmitOrDrop(packet[:])
}
