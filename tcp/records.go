package tcp

import (
	"math/bits"
	"sync"
)

// recordPool is the memory of scoreboards, by powers of two of records: a transfer
// that pauses gives it back, and takes it again.
type recordPool struct {
	mu   sync.Mutex // leaf lock
	free [maxRecordClass + 1][][]sentRecord
	kept int // records in free
}

const (
	minRecordClass = 2  // 4 records: what an idle connection keeps
	maxRecordClass = 14 // 16384: more is left to the garbage collector
	// keptRecords bounds what is kept for reuse: some 2 MB.
	keptRecords = 1 << 15
)

// get returns an empty slice with room for n records at least.
func (p *recordPool) get(n int) []sentRecord {
	class := max(minRecordClass, bits.Len(uint(max(n, 1)-1)))
	if class <= maxRecordClass {
		p.mu.Lock()
		if free := p.free[class]; len(free) > 0 {
			b := free[len(free)-1]
			p.free[class] = free[:len(free)-1]
			p.kept -= cap(b)
			p.mu.Unlock()
			return b
		}
		p.mu.Unlock()
	}
	return make([]sentRecord, 0, 1<<class)
}

// put takes back what get has returned.
func (p *recordPool) put(b []sentRecord) {
	class := bits.Len(uint(cap(b))) - 1
	if cap(b) == 0 || class > maxRecordClass {
		return
	}
	p.mu.Lock()
	if p.kept+cap(b) <= keptRecords {
		p.free[class] = append(p.free[class], b[:0])
		p.kept += cap(b)
	}
	p.mu.Unlock()
}

func (p *recordPool) release() {
	p.mu.Lock()
	p.free, p.kept = [maxRecordClass + 1][][]sentRecord{}, 0
	p.mu.Unlock()
}
