package host

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/usernet-go/usernet/link"
	"github.com/usernet-go/usernet/wire"
)

// headroom is how many bytes of Data[0] an outgoing packet's link header has, on
// Ethernet.
const headroom = wire.EthernetLen

// appendLinkHeader appends the header of r's link, with what is known now of the
// neighbour's MAC; send corrects it.
func (r *route) appendLinkHeader(b []byte, et wire.EtherType) []byte {
	if r.ifc.linkInfo.Medium != link.Ethernet {
		return b
	}
	dst := r.mac
	if r.nbr != nil {
		dst = unpackMAC(r.nbr.word.Load())
	}
	h := wire.Ethernet{Dst: dst, Src: r.ifc.mac, Type: et}
	return h.Append(b)
}

// etherTypeOf returns the type of packets with the addresses of a's family.
func etherTypeOf(a netip.Addr) wire.EtherType {
	if a.Is4() {
		return wire.EtherTypeIPv4
	}
	return wire.EtherTypeIPv6
}

// appendIP appends the header of a packet from r.src to dst that is not to be
// fragmented; payload is the length in bytes of what follows it.
func (h *Host) appendIP(b []byte, r *route, dst netip.Addr, p wire.Protocol, payload int, ttl, tos uint8) []byte {
	if dst.Is4() {
		// RFC 6864, 4.1: "Originating sources MAY set the IPv4 ID field of atomic
		// datagrams to any value."
		ip := wire.IPv4{
			TOS: tos, TotalLen: wire.IPv4Len + payload, DontFragment: true,
			TTL: ttl, Protocol: p, Src: r.src, Dst: dst,
		}
		return ip.Append(b)
	}
	ip := wire.IPv6{
		TrafficClass: tos, PayloadLen: payload, NextHeader: p, HopLimit: ttl, Src: r.src, Dst: dst,
	}
	return ip.Append(b)
}

// send sends packets by r, each with its link header, on r.ifc, which is ifc; it
// returns how many were taken: the rest found the link's queue full. It may write
// the destination MAC into the packets. Packets whose neighbour is not known yet
// are copied and wait for it. No lock may be held: over a link in memory the
// peer's answer may come back before send returns.
func (ifc *iface) send(now time.Time, r *route, packets []link.Packet) (int, error) {
	if ifc.link == nil {
		ifc.deliver(packets)
		return len(packets), nil
	}
	n := r.nbr
	if n == nil {
		return ifc.transmit(packets)
	}
	word := n.word.Load()
	if word == 0 {
		return ifc.neighbours.send(now, r, packets)
	}
	if !n.used.Load() {
		n.used.Store(true)
	}
	readdress(packets, unpackMAC(word))
	return ifc.transmit(packets)
}

// transmit hands packets to the link and counts what it took. A packet that
// the link has no way for because of its size is ErrMessageTooLong; whatever else
// the link's error says, to the stack it is ErrLinkDown.
func (ifc *iface) transmit(packets []link.Packet) (int, error) {
	if ifc.down.Load() {
		return 0, ErrLinkDown
	}
	n, err := ifc.link.Send(packets)
	bytes := 0
	for i := range packets[:n] {
		bytes += packets[i].Len()
	}
	c := &ifc.h.stats
	c.packetsOut.Add(uint64(n))
	c.bytesOut.Add(uint64(bytes))
	if err != nil {
		ifc.h.log.Debug("link refuses a packet", "interface", ifc.name, "error", err)
		if errors.Is(err, syscall.EMSGSIZE) {
			return n, ErrMessageTooLong
		}
		err = ErrLinkDown
	}
	return n, err
}

// transmitOrDrop is transmit for packets that nobody sends again.
func (ifc *iface) transmitOrDrop(packets []link.Packet) {
	n, err := ifc.transmit(packets)
	ifc.countLost(len(packets)-n, err)
}

// countLost counts packets that a link did not take.
func (ifc *iface) countLost(n int, err error) {
	why := ReasonLinkFull
	if err != nil {
		why = ReasonLinkDown
	}
	ifc.h.stats.drops[why].Add(uint64(max(n, 0)))
}
