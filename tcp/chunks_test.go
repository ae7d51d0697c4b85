package tcp

import "testing"

// Chunks keeps some of what comes back, and nothing after Release.
func TestChunksKeep(t *testing.T) {
	var p Chunks
	for range 2 {
		for class, size := range chunkSizes {
			var list *chunk
			for range 2 * keepChunks[class] {
				c := p.get(size, 0, 0)
				c.next, list = list, c
			}
			p.put(list)
			if p.free[class].n != keepChunks[class] {
				t.Errorf("%d chunks of %d bytes are kept", p.free[class].n, size)
			}
		}
		if n := p.Memory().Used; n != 0 {
			t.Errorf("%d bytes are in use when all was given back", n)
		}
		p.Release()
		if p.free != [len(chunkSizes)]chunkList{} {
			t.Errorf("%v is kept after Release", p.free)
		}
	}
}
