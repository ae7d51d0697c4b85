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
	case a.SenderMAC == b.ifc.mac:
		return ReasonARPSender // our own packet has come back
	case b.t.own[a.Sender] != nil || b.t.tentative[a.Sender] != nil:
		b.ifc.autoconf.duplicate(b.now, &duplicateMessage{kind: duplicateClaimed, addr: a.Sender, mac: a.SenderMAC})
		return ReasonConflict
	case probe && b.t.tentative[a.Target] == b.ifc:
		return b.ifc.autoconf.duplicate(b.now, &duplicateMessage{kind: duplicateProbed, addr: a.Target, mac: a.SenderMAC})
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
	request := wire.ARP{Operation: wire.ARPRequest, SenderMAC: t.ifc.mac, Target: e.addr}
	request.Sender, _ = t.solicitFrom(e)
	dst := e.mac
	if dst.IsZero() {
		dst = wire.Broadcast
	}
	if !request.Sender.IsValid() {
		request.Sender = netip.IPv4Unspecified()
	}
	t.ifc.sendARP(dst, &request)
}

// solicitFrom returns our address for a solicitation, which is optimistic only if
// there is no other. RFC 4861, 7.2.2: "If the source address of the packet prompting
// the solicitation is the same as one of the addresses assigned to the outgoing
// interface, that address SHOULD be placed in the IP Source Address of the outgoing
// solicitation."
func (t *neighbourTable) solicitFrom(e *neighbourEvent) (src netip.Addr, optimistic bool) {
	p := t.ifc.h.net.Load().place(t.ifc)
	if p == nil {
		return src, false
	}
	if own := p.find(e.asker); own != nil && !own.tentative && !own.optimistic {
		return e.asker, false
	}
	own := selectSource(p.addrs, e.addr, e.addr)
	if own == nil {
		return src, false
	}
	return own.prefix.Addr(), own.optimistic
}

func (ifc *iface) sendARP(dst wire.MAC, a *wire.ARP) {
	h := wire.Ethernet{Dst: dst, Src: ifc.mac, Type: wire.EtherTypeARP}
	frame := a.Append(h.Append(make([]byte, 0, wire.EthernetLen+wire.ARPLen)))
	packet := [1]link.Packet{{Data: [][]byte{frame}}}
	ifc.transmitOrDrop(packet[:])
}
