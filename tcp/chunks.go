package tcp

import "sync"

// Sizes of chunks in bytes. A request and its answer fit the small one, a bulk
// transfer wants few pieces and long ones.
const (
	smallChunk = 2 << 10
	largeChunk = 64 << 10
)

// How many chunks the pool keeps for reuse at most; the rest is left to the
// garbage collector.
const (
	keepSmall = 256
	keepLarge = 64
)

// chunk is a piece of memory in a queue.
type chunk struct {
	next *chunk
	seq  Seq // sequence number of data[0]
	data []byte
}

// end is the sequence number behind the chunk's memory.
func (c *chunk) end() Seq { return c.seq.Add(len(c.data)) }

// Chunks is the memory from which the queues of a stack's connections are
// made. It may be used by many goroutines; its lock is held for a few
// instructions. The zero value is ready.
type Chunks struct {
	mu           sync.Mutex
	small, large chunkList

	records recordPool
}

type chunkList struct {
	head *chunk
	n    int
}

// get returns a chunk of which n bytes will be filled at once.
func (p *Chunks) get(n int) *chunk {
	size, list := largeChunk, &p.large
	if n <= smallChunk {
		size, list = smallChunk, &p.small
	}
	p.mu.Lock()
	c := list.head
	if c != nil {
		list.head = c.next
		list.n--
	}
	p.mu.Unlock()
	if c == nil {
		return &chunk{data: make([]byte, size)}
	}
	c.next = nil
	return c
}

// put takes back a chain of chunks.
func (p *Chunks) put(head *chunk) {
	if head == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := head; c != nil; {
		next := c.next
		c.data = c.data[:cap(c.data)]
		list, keep := &p.large, keepLarge
		if len(c.data) == smallChunk {
			list, keep = &p.small, keepSmall
		}
		if list.n < keep {
			c.next, list.head = list.head, c
			list.n++
		} else {
			c.next = nil
		}
		c = next
	}
}

// Release leaves to the garbage collector what is kept for reuse.
func (p *Chunks) Release() {
	p.records.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.small, p.large = chunkList{}, chunkList{}
}
