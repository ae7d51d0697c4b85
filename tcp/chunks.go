package tcp

import "sync"

// Sizes of chunks in bytes. A message fits the tiny one, a request and its answer the
// small one, a bulk transfer wants few pieces and long ones.
const (
	tinyChunk  = 512
	smallChunk = 2 << 10
	largeChunk = 64 << 10

	// chunkCost is what a chunk counts for beside its size.
	chunkCost = 64
)

var chunkSizes = [...]int{tinyChunk, smallChunk, largeChunk}

// chunkClass is the index of the least size that has room for n bytes, or of the
// largest.
func chunkClass(n int) int {
	class := 0
	for class < len(chunkSizes)-1 && chunkSizes[class] < n {
		class++
	}
	return class
}

// keepChunks is how many chunks of each size the pool keeps for reuse at most, and in
// bytes together a 64th of the memory's limit, half of it large ones; the rest is left to
// the garbage collector. Of large ones eight connections with 1 MiB to send give back and
// take so many at a time: with half of that, sending over TUN took a sixth more.
var keepChunks = [len(chunkSizes)]int32{1024, 256, 128}

// chunk is a piece of memory in a queue.
type chunk struct {
	next *chunk
	data []byte
	own  []byte // nil, or its memory while data is somebody else's: see sendQueue.lend
	seq  Seq    // sequence number of data[0]

	class    uint8 // of its size
	promised bool  // is not counted: its connection is
}

// end is the sequence number behind the chunk's memory.
func (c *chunk) end() Seq { return c.seq.Add(len(c.data)) }

// Chunks is the memory from which the queues of a stack's connections are
// made, and the reckoning of all that the stack holds: see budget. It may be used by
// many goroutines; its lock is held for a few instructions. The zero value is ready,
// and has no limit.
type Chunks struct {
	mu     sync.Mutex
	free   [len(chunkSizes)]chunkList
	budget budget

	records recordPool
}

type chunkList struct {
	head  *chunk
	n     int32
	fewer int32 // than keepChunks may be in the list, for the memory's limit
}

// get returns a chunk of which n bytes will be filled at once, for a queue that holds
// so many bytes already: a smaller one than that if it may not have more. If it may have
// none it gets the chunk of promised bytes to which it has a right, or nil if that is 0.
func (p *Chunks) get(n int, held int64, promised int) *chunk {
	class := chunkClass(n)
	b := &p.budget
	p.mu.Lock()
	size, promise := int64(chunkSizes[class]+chunkCost), false
	if !b.allows(size, held) {
		b.refused++
		for class--; class >= 0; class-- {
			if size = int64(chunkSizes[class] + chunkCost); b.allows(size, held) {
				break
			}
		}
		if promise = class < 0; promise {
			if promised == 0 {
				p.mu.Unlock()
				return nil
			}
			class, size = chunkClass(promised), 0
		}
	}
	b.add(size)
	return p.takeLocked(class, promise)
}

// getPromised returns a chunk of n bytes to which its queue has a right.
func (p *Chunks) getPromised(n int) *chunk {
	p.mu.Lock()
	return p.takeLocked(chunkClass(n), true)
}

// takeLocked returns a chunk that is counted, or is promised. It unlocks p.
func (p *Chunks) takeLocked(class int, promise bool) *chunk {
	list := &p.free[class]
	c := list.head
	if c != nil {
		list.head = c.next
		list.n--
	}
	p.mu.Unlock()
	if c == nil {
		return &chunk{data: make([]byte, chunkSizes[class]), class: uint8(class), promised: promise}
	}
	c.next, c.promised = nil, promise
	return c
}

// put takes back a chain of chunks.
func (p *Chunks) put(head *chunk) {
	if head == nil {
		return
	}
	p.mu.Lock()
	var given int64
	for c := head; c != nil; {
		next := c.next
		if c.own != nil {
			c.data, c.own = c.own, nil
		}
		c.data = c.data[:cap(c.data)]
		if !c.promised {
			given += int64(len(c.data) + chunkCost)
		}
		c.next = nil
		if list := &p.free[c.class]; list.n+list.fewer < keepChunks[c.class] {
			c.next, list.head = list.head, c
			list.n++
		}
		c = next
	}
	b := &p.budget
	b.add(-given)
	tell := b.wanted > 0 && b.tell()
	p.mu.Unlock()
	if tell {
		b.starved()
	}
}

// keepWithin bounds what is kept for reuse, in bytes.
func (p *Chunks) keepWithin(n int64) {
	for class, size := range chunkSizes {
		part := n / 4
		if size == largeChunk {
			part = n / 2
		}
		keep := min(int64(keepChunks[class]), part/int64(size))
		p.free[class].fewer = keepChunks[class] - int32(keep)
	}
}

// Release leaves to the garbage collector what is kept for reuse.
func (p *Chunks) Release() {
	p.records.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	for class := range p.free {
		p.free[class].head, p.free[class].n = nil, 0
	}
}
