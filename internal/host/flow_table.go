package host

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
)

// A flowTable finds a connection by its four-tuple; one in TIME-WAIT has left it for
// the timeWaitTable. It is sharded because every batch of every receive queue looks
// into it.
//
// Each shard is a linear hash table whose chains run through the connections: there
// are as many buckets as connections, each insertion splits one bucket, and each removal
// joins two. So no packet waits until a large table has been copied, memory is given
// back as it was taken, and an entry costs 16 bytes, where a map from keys costs 90 to
// 180. The hash is keyed, with a secret of each table's own: who chooses his addresses and
// ports cannot aim at one chain.
type flowTable struct {
	secret [6]uint64
	shards [flowShards]flowShard
}

const (
	flowShardBits = 5
	flowShards    = 1 << flowShardBits

	flowSegmentBits = 5
	flowSegmentLen  = 1 << flowSegmentBits
)

type flowShard struct {
	sync.RWMutex // leaf lock: nothing is locked under it

	segments []*flowSegment // of buckets; as many as n needs
	n        uint32         // buckets in use: one for each connection, and a few where some have gone
	conns    uint32         // in the table
	closed   bool           // with what comes before it the shard takes a cache line
}

// A flowSegment holds the buckets, each the head of a chain by TCPConn.chained.
type flowSegment [flowSegmentLen]*TCPConn

// init draws the secret, from the runtime: nothing that is to repeat depends on it.
func (t *flowTable) init() {
	for i := range t.secret {
		t.secret[i] = rand.Uint64()
	}
}

// hash mixes the words of a key with the secret by multiplying and folding, as wyhash
// does, in half the time of maphash.Comparable.
func (t *flowTable) hash(k *flowKey) uint64 {
	s := &t.secret
	local := foldedProduct(binary.LittleEndian.Uint64(k.local[:8])^s[0], binary.LittleEndian.Uint64(k.local[8:])^s[1])
	remote := foldedProduct(binary.LittleEndian.Uint64(k.remote[:8])^s[2], binary.LittleEndian.Uint64(k.remote[8:])^s[3])
	rest := uint64(k.localPort) | uint64(k.remotePort)<<16 | uint64(k.zone)<<32
	return foldedProduct(local^bits.RotateLeft64(remote, 32)^s[4], rest^s[5]^remote)
}

func foldedProduct(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// shard returns the shard of a key, and the hash by which it finds the bucket.
func (t *flowTable) shard(k *flowKey) (*flowShard, uint64) {
	h := t.hash(k)
	return &t.shards[h>>(64-flowShardBits)], h
}

func (s *flowShard) bucket(i uint32) **TCPConn {
	return &s.segments[i>>flowSegmentBits][i%flowSegmentLen]
}

// find returns the bucket of a hash; nil while there is none at all.
func (s *flowShard) find(hash uint64) **TCPConn {
	if s.n == 0 {
		return nil
	}
	return s.bucket(flowBucket(hash, s.n))
}

// flowBucket returns the bucket of a hash among n: the lowest bits that n needs, or one
// less where the bucket that they name is not split off yet.
func flowBucket(hash uint64, n uint32) uint32 {
	mask := uint32(1)<<bits.Len32(n-1) - 1
	if i := uint32(hash) & mask; i < n {
		return i
	}
	return uint32(hash) & (mask >> 1)
}

// splitFrom returns the bucket from which the last of n is split.
func splitFrom(n uint32) uint32 { return n - 1 - 1<<(bits.Len32(n-1)-1) }

// lookup returns the connection in the chain from c on that has the key.
func (c *TCPConn) lookup(k *flowKey) *TCPConn {
	for c != nil && c.key != *k {
		c = c.chained
	}
	return c
}

func (t *flowTable) lookup(k *flowKey) (c *TCPConn) {
	s, hash := t.shard(k)
	s.RLock()
	if b := s.find(hash); b != nil {
		c = (*b).lookup(k)
	}
	s.RUnlock()
	return c
}

// insert adds c unless its four-tuple is taken, or the host is closed.
func (t *flowTable) insert(c *TCPConn) bool {
	s, hash := t.shard(&c.key)
	s.Lock()
	defer s.Unlock()
	if s.closed {
		return false
	}
	if b := s.find(hash); b != nil && (*b).lookup(&c.key) != nil {
		return false
	}
	if s.conns++; s.conns > s.n {
		s.split(t)
	}
	b := s.find(hash)
	c.chained, *b = *b, c
	return true
}

// remove takes c out; a connection that took its place stays.
func (t *flowTable) remove(c *TCPConn) {
	s, hash := t.shard(&c.key)
	s.Lock()
	defer s.Unlock()
	b := s.find(hash)
	if b == nil {
		return
	}
	for *b != c {
		if *b == nil {
			return
		}
		b = &(*b).chained
	}
	*b, c.chained = c.chained, nil
	// Later than it was split: who comes and goes at a power of two does not have the last
	// segment made and dropped each time.
	if s.conns--; s.conns+flowSegmentLen < s.n {
		s.join()
	}
}

// split adds a bucket, and moves to it what of an earlier one belongs there.
func (s *flowShard) split(t *flowTable) {
	if s.n%flowSegmentLen == 0 {
		s.segments = append(s.segments, new(flowSegment))
	}
	if s.n++; s.n == 1 {
		return
	}
	from, to := s.bucket(splitFrom(s.n)), s.bucket(s.n-1)
	for *from != nil {
		c := *from
		if flowBucket(t.hash(&c.key), s.n) == s.n-1 {
			*from, c.chained, *to = c.chained, *to, c
		} else {
			from = &c.chained
		}
	}
}

// join takes the last bucket back: what is in it goes where it came from.
func (s *flowShard) join() {
	from, to := s.bucket(s.n-1), s.bucket(splitFrom(s.n))
	s.n--
	for *to != nil {
		to = &(*to).chained
	}
	*to, *from = *from, nil
	if s.n%flowSegmentLen == 0 {
		last := len(s.segments) - 1
		s.segments[last] = nil
		if s.segments = s.segments[:last]; cap(s.segments) > 4*last+4 {
			s.segments = slices.Clone(s.segments)
		}
	}
}

// append appends what is in the shard, in no order.
func (s *flowShard) append(conns []*TCPConn) []*TCPConn {
	for i := range s.n {
		for c := *s.bucket(i); c != nil; c = c.chained {
			conns = append(conns, c)
		}
	}
	return conns
}

// all returns the connections of the table, in no order.
func (t *flowTable) all() (conns []*TCPConn) {
	for i := range t.shards {
		s := &t.shards[i]
		s.RLock()
		conns = s.append(conns)
		s.RUnlock()
	}
	return conns
}

// closeAll takes no more connections, and returns those that are in the table, in
// the order of their keys.
func (t *flowTable) closeAll() (conns []*TCPConn) {
	for i := range t.shards {
		s := &t.shards[i]
		s.Lock()
		s.closed = true
		conns = s.append(conns)
		s.Unlock()
	}
	return sortConns(conns)
}

// isClosed says whether closeAll was called.
func (t *flowTable) isClosed() bool {
	s := &t.shards[0]
	s.RLock()
	defer s.RUnlock()
	return s.closed
}
