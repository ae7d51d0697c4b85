package rawip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	chainName   = "input"
	tcpPorts    = "tcp_ports"
	udpPorts    = "udp_ports"
	tableOwner  = 2  // NFT_TABLE_F_OWNER
	inetService = 13 // nft's number of the type of ports

	verdictDrop   = 0 // NF_DROP
	verdictAccept = 1 // NF_ACCEPT
	maxTries      = 100

	// chainPriority lies before the filters of others, and before mangling and
	// tracking of connections; behind the reassembly of fragments.
	chainPriority = -400
)

// A firewall hides ports from the kernel: a table in nftables with the flag owner,
// which nobody else may change, and which is removed with the socket that made it.
//
//	table inet usernet_PID_N {
//		flags owner
//		set tcp_ports { type inet_service }
//		set udp_ports { type inet_service }
//		chain input {
//			type filter hook input priority -400; policy accept;
//			meta l4proto tcp th dport @tcp_ports iif != "lo" counter drop
//			meta l4proto udp th dport @udp_ports iif != "lo" counter drop
//		}
//	}
//
// What comes by the loopback interface is left to the kernel, whose sockets
// refuse it at once; hidden, it would get no answer.
type firewall struct {
	table string

	mu     sync.Mutex // one request at a time
	conn   *netlink.Conn
	closed bool
}

// tables counts the links of this process.
var tables atomic.Int64

// openFirewall makes the table, in the thread's network namespace. loopback is the
// index of the loopback interface.
func openFirewall(loopback uint32) (*firewall, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, explainFirewall(err)
	}
	// A process in another PID namespace may have the same number.
	for range maxTries {
		f := &firewall{conn: conn, table: fmt.Sprintf("usernet_%d_%d", os.Getpid(), tables.Add(1))}
		err = f.request(
			f.newTable(), f.newChain(), f.newSet(tcpPorts, 1), f.newSet(udpPorts, 2),
			f.newRule(unix.IPPROTO_TCP, tcpPorts, 1, loopback), f.newRule(unix.IPPROTO_UDP, udpPorts, 2, loopback),
		)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, unix.EEXIST):
			conn.Close()
			return nil, explainFirewall(err)
		}
	}
	conn.Close()
	return nil, explainFirewall(err)
}

// hide hides a port; show takes that back.
func (f *firewall) hide(k portKey) error {
	return f.request(f.element(unix.NFT_MSG_NEWSETELEM, netlink.Create|netlink.Excl, k))
}

func (f *firewall) show(k portKey) error {
	return f.request(f.element(unix.NFT_MSG_DELSETELEM, 0, k))
}

// close removes the table.
func (f *firewall) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return f.conn.Close()
}

// request sends messages as one transaction and waits for the answer. Only the
// last asks for one, so that success is one; of errors it returns the first.
func (f *firewall) request(messages ...netlink.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return os.ErrClosed
	}
	messages[len(messages)-1].Header.Flags |= netlink.Acknowledge
	batch := []netlink.Message{batchLimit(unix.NFNL_MSG_BATCH_BEGIN)}
	batch = append(append(batch, messages...), batchLimit(unix.NFNL_MSG_BATCH_END))
	if _, err := f.conn.SendMessages(batch); err != nil {
		return err
	}
	_, err := f.conn.Receive()
	if err != nil {
		f.drain()
	}
	return err
}

// drain takes away what else the kernel has said to a batch that failed: it names
// every message at fault, and may answer the last one too. All was there when the
// batch had been sent, and must not be taken for the answer to the next one.
func (f *firewall) drain() {
	conn, err := f.conn.SyscallConn()
	if err != nil {
		return // closed
	}
	conn.Control(func(fd uintptr) {
		var b [64]byte
		for {
			if _, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_DONTWAIT); err == unix.EAGAIN || err == unix.EBADF {
				return
			}
		}
	})
}

func batchLimit(t netlink.HeaderType) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: t, Flags: netlink.Request},
		Data:   append([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, binary.BigEndian.AppendUint16(nil, unix.NFNL_SUBSYS_NFTABLES)...),
	}
}

// message returns a message of nf_tables with the attributes that f adds.
func (f *firewall) message(t int, flags netlink.HeaderFlags, add func(*netlink.AttributeEncoder)) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | t), Flags: netlink.Request | flags},
		Data:   append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, encode(add)...),
	}
}

func (f *firewall) newTable() netlink.Message {
	return f.message(unix.NFT_MSG_NEWTABLE, netlink.Create|netlink.Excl, func(a *netlink.AttributeEncoder) {
		a.String(unix.NFTA_TABLE_NAME, f.table)
		a.Uint32(unix.NFTA_TABLE_FLAGS, tableOwner)
	})
}

func (f *firewall) newChain() netlink.Message {
	return f.message(unix.NFT_MSG_NEWCHAIN, netlink.Create|netlink.Excl, func(a *netlink.AttributeEncoder) {
		a.String(unix.NFTA_CHAIN_TABLE, f.table)
		a.String(unix.NFTA_CHAIN_NAME, chainName)
		nest(a, unix.NFTA_CHAIN_HOOK, func(a *netlink.AttributeEncoder) {
			a.Uint32(unix.NFTA_HOOK_HOOKNUM, unix.NF_INET_LOCAL_IN)
			a.Int32(unix.NFTA_HOOK_PRIORITY, chainPriority)
		})
		a.Uint32(unix.NFTA_CHAIN_POLICY, verdictAccept)
		a.String(unix.NFTA_CHAIN_TYPE, "filter")
	})
}

func (f *firewall) newSet(name string, id uint32) netlink.Message {
	return f.message(unix.NFT_MSG_NEWSET, netlink.Create|netlink.Excl, func(a *netlink.AttributeEncoder) {
		a.String(unix.NFTA_SET_TABLE, f.table)
		a.String(unix.NFTA_SET_NAME, name)
		a.Uint32(unix.NFTA_SET_FLAGS, 0)
		a.Uint32(unix.NFTA_SET_KEY_TYPE, inetService)
		a.Uint32(unix.NFTA_SET_KEY_LEN, 2)
		a.Uint32(unix.NFTA_SET_ID, id)
	})
}

// newRule drops packets of a protocol to the ports in a set.
func (f *firewall) newRule(protocol byte, set string, id, loopback uint32) netlink.Message {
	return f.message(unix.NFT_MSG_NEWRULE, netlink.Create|netlink.Append, func(a *netlink.AttributeEncoder) {
		a.String(unix.NFTA_RULE_TABLE, f.table)
		a.String(unix.NFTA_RULE_CHAIN, chainName)
		nest(a, unix.NFTA_RULE_EXPRESSIONS, func(a *netlink.AttributeEncoder) {
			meta(a, unix.NFT_META_L4PROTO)
			compare(a, unix.NFT_CMP_EQ, []byte{protocol})
			expression(a, "payload", func(a *netlink.AttributeEncoder) {
				a.Uint32(unix.NFTA_PAYLOAD_DREG, unix.NFT_REG_1)
				a.Uint32(unix.NFTA_PAYLOAD_BASE, unix.NFT_PAYLOAD_TRANSPORT_HEADER)
				a.Uint32(unix.NFTA_PAYLOAD_OFFSET, 2)
				a.Uint32(unix.NFTA_PAYLOAD_LEN, 2)
			})
			expression(a, "lookup", func(a *netlink.AttributeEncoder) {
				a.String(unix.NFTA_LOOKUP_SET, set)
				a.Uint32(unix.NFTA_LOOKUP_SET_ID, id)
				a.Uint32(unix.NFTA_LOOKUP_SREG, unix.NFT_REG_1)
			})
			meta(a, unix.NFT_META_IIF)
			compare(a, unix.NFT_CMP_NEQ, binary.NativeEndian.AppendUint32(nil, loopback))
			expression(a, "counter", func(*netlink.AttributeEncoder) {})
			expression(a, "immediate", func(a *netlink.AttributeEncoder) {
				a.Uint32(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT)
				nest(a, unix.NFTA_IMMEDIATE_DATA, func(a *netlink.AttributeEncoder) {
					nest(a, unix.NFTA_DATA_VERDICT, func(a *netlink.AttributeEncoder) {
						a.Uint32(unix.NFTA_VERDICT_CODE, verdictDrop)
					})
				})
			})
		})
	})
}

// element adds a port to its set, or deletes it.
func (f *firewall) element(t int, flags netlink.HeaderFlags, k portKey) netlink.Message {
	set := tcpPorts
	if k >= firstUDP {
		set = udpPorts
	}
	return f.message(t, flags, func(a *netlink.AttributeEncoder) {
		a.String(unix.NFTA_SET_ELEM_LIST_TABLE, f.table)
		a.String(unix.NFTA_SET_ELEM_LIST_SET, set)
		nest(a, unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(a *netlink.AttributeEncoder) {
			nest(a, unix.NFTA_LIST_ELEM, func(a *netlink.AttributeEncoder) {
				nest(a, unix.NFTA_SET_ELEM_KEY, func(a *netlink.AttributeEncoder) {
					a.Bytes(unix.NFTA_DATA_VALUE, binary.BigEndian.AppendUint16(nil, uint16(k)))
				})
			})
		})
	})
}

func meta(a *netlink.AttributeEncoder, key uint32) {
	expression(a, "meta", func(a *netlink.AttributeEncoder) {
		a.Uint32(unix.NFTA_META_KEY, key)
		a.Uint32(unix.NFTA_META_DREG, unix.NFT_REG_1)
	})
}

func compare(a *netlink.AttributeEncoder, op uint32, value []byte) {
	expression(a, "cmp", func(a *netlink.AttributeEncoder) {
		a.Uint32(unix.NFTA_CMP_SREG, unix.NFT_REG_1)
		a.Uint32(unix.NFTA_CMP_OP, op)
		nest(a, unix.NFTA_CMP_DATA, func(a *netlink.AttributeEncoder) { a.Bytes(unix.NFTA_DATA_VALUE, value) })
	})
}

func expression(a *netlink.AttributeEncoder, name string, add func(*netlink.AttributeEncoder)) {
	nest(a, unix.NFTA_LIST_ELEM, func(a *netlink.AttributeEncoder) {
		a.String(unix.NFTA_EXPR_NAME, name)
		nest(a, unix.NFTA_EXPR_DATA, add)
	})
}

func nest(a *netlink.AttributeEncoder, t uint16, add func(*netlink.AttributeEncoder)) {
	a.Bytes(t|unix.NLA_F_NESTED, encode(add))
}

// encode returns attributes; numbers are in network order in nf_tables.
func encode(add func(*netlink.AttributeEncoder)) []byte {
	a := netlink.NewAttributeEncoder()
	a.ByteOrder = binary.BigEndian
	add(a)
	b, err := a.Encode()
	if err != nil {
		panic("BUG: " + err.Error()) // an attribute is too long
	}
	return b
}
