package link_test

import (
	"bytes"

	"github.com/usernet-go/usernet/link"
)

// whole is a packet in one piece, without offload.
func whole(s string) link.Packet { return link.Packet{Data: [][]byte{[]byte(s)}} }

// joined returns p's bytes as one string.
func joined(p link.Packet) string { return string(bytes.Join(p.Data, nil)) }
