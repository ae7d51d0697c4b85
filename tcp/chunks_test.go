package tcp

import "testing"

// Chunks keeps some of what comes back, and nothing after Release.
func TestChunksKeep(t *testing.T) {
	var p Chunks
	for range 2 {
		var small, large *chunk
		for range 2 * keepSmall {
			c := p.get(1)
			c.next, small = small, c
		}
		for range 2 * keepLarge {
			c := p.get(largeChunk)
			c.next, large = large, c
		}
		p.put(small)
		p.put(large)
		if p.small.n != keepSmall || p.large.n != keepLarge {
			t.Errorf("%d small and %d large chunks are kept", p.small.n, p.large.n)
		}
		p.Release()
		if p.small != (chunkList{}) || p.large != (chunkList{}) {
			t.Errorf("%d small and %d large chunks are kept after Release", p.small.n, p.large.n)
		}
	}
}
