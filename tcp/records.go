package tcp

import (
	"math/bits"
	"sync"
	"unsafe"
)

// recordPool is the memory of scoreboards, by powers of two of records: a transfer
// that pauses gives it back, and takes it again.
type recordPool struct {
	mu   sync.Mutex // leaf lock
	free [maxRecordClass + 1][][]sentRecord
	kept int // records in free

	fewer int // than keptRecords may be in free, for the memory's limit
}

const (
	minRecordClass = 2  // 4 records: what an idle connection keeps
	maxRecordClass = 14 // 16384: more is left to the garbage collector
	// keptRecords bounds what is kept for reuse: some 2 MB.
	keptRecords = 1 << 15
	// recordSize is the bytes that a record takes.
	recordSize = int(unsafe.Sizeof(sentRecord{}))
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
	if p.kept+cap(b)+p.fewer <= keptRecords {
		p.free[class] = append(p.free[class], b[:0])
		p.kept += cap(b)
	}
	p.mu.Unlock()
}

// keepWithin bounds what is kept for reuse, in bytes.
func (p *recordPool) keepWithin(n int64) {
	p.fewer = keptRecords - int(min(keptRecords, n/int64(recordSize)))
}

// getRecords returns an empty slice with room for n records, a power of two of them, or
// for as many as each connection counts for; nil if there is no memory for that, unless
// it must be had: where what is sent again is split from a record.
func (p *Chunks) getRecords(n int, must bool) []sentRecord {
	if n > keepRecords {
		if must {
			p.Give(-n * recordSize)
		} else if !p.Take(n*recordSize, 0) {
			return nil
		}
	}
	return p.records.get(n)
}

// putRecords takes back what getRecords has returned.
func (p *Chunks) putRecords(b []sentRecord) {
	if n := cap(b); n > keepRecords {
		p.Give(n * recordSize)
	}
	p.records.put(b)
}

func (p *recordPool) release() {
	p.mu.Lock()
	p.free, p.kept = [maxRecordClass + 1][][]sentRecord{}, 0
	p.mu.Unlock()
}
