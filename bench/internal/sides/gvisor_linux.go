package sides

import (
	"fmt"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/rawfile"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// gvisorMAC is the address of gVisor's end of an Ethernet link, one that no maker has.
const gvisorMAC = tcpip.LinkAddress("\x02\x00\x00\x00\x00\x01")

// gvisorOnDevice is gVisor on TUN: on a link with offloads, or on its own.
func gvisorOnDevice(s Spec) (host, error) {
	if s.Link != TUN {
		return nil, fmt.Errorf("no link of gVisor's for %s", s.Link)
	}
	flags := uint16(unix.IFF_TUN)
	if s.Variant != FDBased {
		flags |= unix.IFF_VNET_HDR
	}
	fd, err := openDevice(flags)
	if err != nil {
		return nil, err
	}
	if err := upDevice(s); err != nil {
		return nil, err
	}
	if s.Variant == FDBased {
		l, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: uint32(s.MTU)})
		if err != nil {
			return nil, err
		}
		return newGVisor(s, l, 0)
	}
	offloads := unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offloads); err != nil {
		return nil, os.NewSyscallError("ioctl TUNSETOFFLOAD", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	never, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	d := &device{fd: fd, never: never}
	d.mtu, d.gso = uint32(s.MTU), stack.HostGSOSupported
	return newGVisor(s, d, 0)
}

// gvisorOnPacket is gVisor on AF_PACKET, on its own link in its best configuration.
func gvisorOnPacket(s Spec) (host, error) {
	fd, err := openPacket(s.Offload)
	if err != nil {
		return nil, err
	}
	options := fdbased.Options{
		FDs: []int{fd}, MTU: uint32(s.MTU), EthernetHeader: true, Address: gvisorMAC,
		PacketDispatchMode: fdbased.RecvMMsg, RXChecksumOffload: true, GRO: true,
	}
	if s.Offload {
		options.GSOMaxSize = maxSegment
	}
	l, err := fdbased.New(&options)
	if err != nil {
		return nil, err
	}
	return newGVisor(s, l, 0)
}

// openPacket opens a packet socket for the near device, which hears all frames.
func openPacket(vnet bool) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	device, err := net.InterfaceByName(nearDevice)
	if err != nil {
		return -1, err
	}
	if vnet {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
			return -1, os.NewSyscallError("setsockopt PACKET_VNET_HDR", err)
		}
	}
	// Nothing is dropped for want of room before it can be read.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, LargestBuffer); err != nil {
		return -1, os.NewSyscallError("setsockopt SO_RCVBUFFORCE", err)
	}
	promiscuous := unix.PacketMreq{Ifindex: int32(device.Index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promiscuous); err != nil {
		return -1, os.NewSyscallError("setsockopt PACKET_ADD_MEMBERSHIP", err)
	}
	all := uint16(unix.ETH_P_ALL)
	return fd, os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: device.Index}))
}

// vnetHeader is the virtio header before each packet, in the machine's byte order.
type vnetHeader struct {
	flags, kind                       uint8
	headerLen, size, start, sumOffset uint16
}

const (
	vnetLen      = int(unsafe.Sizeof(vnetHeader{}))
	vnetNeedsSum = 1
	vnetTCPv4    = 1
	fewPieces    = 16
	// Views of these sizes are kept in pools by gVisor.
	smallView = 2 << 10
	largeView = 64 << 10
)

// device is a link for a TUN device with the virtio header, on gVisor's public
// interface: what usernet's link/tun has, for gVisor.
type device struct {
	linkBase
	fd    int
	never int // an event that ends reading, which does not come
}

func (d *device) Attach(to stack.NetworkDispatcher) {
	if to == nil {
		return
	}
	d.dispatcher.Store(&to)
	go d.receive(to)
}

func (d *device) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	for i, p := range packets.AsSlice() {
		var h vnetHeader
		if p.GSOOptions.Type != stack.GSONone && p.GSOOptions.NeedsCsum {
			h.flags, h.start, h.sumOffset = vnetNeedsSum, p.GSOOptions.L3HdrLen, p.GSOOptions.CsumOffset
			h.headerLen = uint16(p.HeaderSize())
			if p.Data().Size() > int(p.GSOOptions.MSS) {
				h.kind, h.size = vnetTCPv4, p.GSOOptions.MSS
			}
		} else if tcp := header.TCP(p.TransportHeader().Slice()); len(tcp) >= header.TCPMinimumSize {
			complete(tcp, p, &h)
		}
		var few [fewPieces]unix.Iovec
		pieces := rawfile.AppendIovecFromBytes(few[:0], unsafe.Slice((*byte)(unsafe.Pointer(&h)), vnetLen), rawfile.MaxIovs)
		views, offset := p.AsViewList()
		for v := views.Front(); v != nil; v = v.Next() {
			b := v.AsSlice()
			skip := min(offset, len(b))
			offset -= skip
			pieces = rawfile.AppendIovecFromBytes(pieces, b[skip:], rawfile.MaxIovs)
		}
		if errno := rawfile.NonBlockingWriteIovec(d.fd, pieces); errno != 0 {
			return i, tcpip.TranslateErrno(errno)
		}
	}
	return packets.Len(), nil
}

// complete leaves a segment's sum to the kernel that gVisor left out without a word:
// handshakes have no GSO.
func complete(tcp header.TCP, p *stack.PacketBuffer, h *vnetHeader) {
	ip := header.IPv4(p.NetworkHeader().Slice())
	h.flags, h.start, h.sumOffset = vnetNeedsSum, uint16(len(ip)), header.TCPChecksumOffset
	tcp.SetChecksum(header.PseudoHeaderChecksum(header.TCPProtocolNumber, ip.SourceAddress(), ip.DestinationAddress(),
		uint16(len(tcp)+p.Data().Size())))
}

// receive reads until the process ends, a packet of up to 64 KiB at a time. A small one
// leaves the large view for the next.
func (d *device) receive(to stack.NetworkDispatcher) {
	var h vnetHeader
	small, large := buffer.NewViewSize(smallView), buffer.NewViewSize(largeView)
	var pieces [3]unix.Iovec
	for {
		few := rawfile.AppendIovecFromBytes(pieces[:0], unsafe.Slice((*byte)(unsafe.Pointer(&h)), vnetLen), len(pieces))
		few = rawfile.AppendIovecFromBytes(few, small.AsSlice(), len(pieces))
		few = rawfile.AppendIovecFromBytes(few, large.AsSlice(), len(pieces))
		n, errno := rawfile.BlockingReadvUntilStopped(d.never, d.fd, few)
		if errno != 0 {
			return
		}
		if n -= vnetLen; n <= 0 {
			continue
		}
		small.CapLength(min(n, smallView))
		b := buffer.MakeWithView(small)
		small = buffer.NewViewSize(smallView)
		if n > smallView {
			large.CapLength(n - smallView)
			b.Append(large)
			large = buffer.NewViewSize(largeView)
		}
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: b})
		p.RXChecksumValidated = true
		to.DeliverNetworkPacket(header.IPv4ProtocolNumber, p)
		p.DecRef()
	}
}
