package tcp

import (
	"math"
	"sync/atomic"
)

// The memory of a stack has one bound. Who holds memory that grows with what arrives
// or is written is a holder: each queue of a connection, the half-open connections
// together, a UDP socket, reassembly. A holder may have an eighth of what is free at
// that moment (dynamic thresholds: A. Choudhury, E. Hahne, 1998): so the largest are
// held back first, and many who want all they can get, and give it back, end up with
// equal parts. Those who do not give it back leave an eighth less to each that comes
// later; so a part of the memory is for those only who have little. And each connection
// has some memory that nobody can take away, and is refused at its beginning if there
// is none for it: with that it makes progress whatever the others hold.
const (
	freeParts  = 8  // into which what is free is divided, for the bound of one holder
	newParts   = 4  // into which all is: one is for connections and what they are promised, whatever holders want
	fewParts   = 4  // into which what is usable is divided: one is for those who have little
	asideParts = 32 // into which all is: one is for chunks kept for reuse, and for records; one is not given to new connections

	// promisedSend and promisedReceive are the bytes of text for which each connection has
	// memory of its own.
	promisedSend, promisedReceive = tinyChunk, smallChunk

	// leastLittle is room for two segments of 1448 bytes in small chunks.
	leastLittle = 4 << 10

	unboundedShare = maxBuffer
)

// ConnectionCost is what a connection counts for, in bytes, beside the Conn: what it is
// promised, and what it needs to know of text that it sends.
const ConnectionCost = promisedSend + promisedReceive + 2*chunkCost + 832

// budget is the reckoning of a stack's memory in bytes. Chunks.mu guards it, but for
// share. What is written often comes first: the rest lies in another cache line, which
// every segment looks at.
type budget struct {
	used int64

	limit    int64 // 0: none
	usable   int64 // of limit, by what is promised and by holders
	promised int64 // of used
	few      int64 // of usable, for those who have little
	little   int64 // what these may have each
	// share is what one holder may have, plus 1; 0: there is no bound. It is never too much,
	// and up to a quarter too little, so that it is seldom written: as long as used is
	// neither less than low nor more than high.
	share     atomic.Int64
	low, high int64
	refused   uint64

	// starved is called once when a holder may have twice as much as wanted.
	starved func()
	wanted  int64 // 0: nobody waits
}

// most is what a holder may have.
func (b *budget) most() int64 {
	free := b.usable - b.used
	return max(0, (free-b.few)/freeParts, min(b.little, free))
}

// allows says that one who holds so many bytes may have n more.
func (b *budget) allows(n, held int64) bool { return b.limit == 0 || held+n <= b.most() }

// add enters n more bytes, or less.
func (b *budget) add(n int64) {
	b.used += n
	if b.used < b.low || b.used > b.high {
		b.publish()
	}
}

// tell says whether those who wait are to be told that something was given back.
func (b *budget) tell() bool {
	if b.most() < max(2*b.wanted, promisedSend) {
		return false
	}
	b.wanted = 0
	return true
}

// promise enters n more bytes that are promised, or less. As long as these do not exceed
// their part, nothing is taken from holders.
func (b *budget) promise(n int64) {
	b.promised += n
	b.used += n
	b.usable = b.limit - b.limit/asideParts - max(0, b.limit/newParts-b.promised)
	b.few = b.usable / fewParts
	// However many connections come, one after the other, and keep all they get: together
	// it is less than there is, as the sum of 2/n^1.5 from 16 on is. The first have more
	// than a little anyway. Less than two segments would wait for delayed ACKs: as long as
	// there are some each may have them.
	connections := float64(max(16, b.promised/ConnectionCost))
	b.little = max(min(leastLittle, b.few/freeParts), int64(2*float64(b.few)/(connections*math.Sqrt(connections))))
	b.publish()
}

// publish brings share up to date.
func (b *budget) publish() {
	if b.limit == 0 {
		return
	}
	most := b.most()
	share := most - most/8
	if most >= b.little {
		share = max(share, b.little)
	}
	b.share.Store(share + 1)
	// Most is share and a quarter, or share.
	much := share + share/4 + 1
	b.low = b.usable - b.few - much*freeParts
	b.high = b.usable - b.few - share*freeParts
	if share < b.little {
		b.low = b.usable - much
	}
	if share <= b.little {
		b.high = b.usable - share
	}
	if share == 0 {
		b.high = math.MaxInt64
	}
}

// MemoryStats is how much memory a stack holds.
type MemoryStats struct {
	Limit, Used int64  // in bytes; Limit 0: none
	Refused     uint64 // times that somebody was refused memory, or given less than he asked for
}

// SetLimit bounds the memory that is given out, in bytes, and has starved called, from
// whoever gives memory back, when those on whose behalf Starving was called should look
// again. It is called before anything else.
func (p *Chunks) SetLimit(limit int64, starved func()) {
	b := &p.budget
	b.limit, b.starved = limit, starved
	b.promise(0)
	b.publish()
	p.keepWithin(limit / (2 * asideParts))
	p.records.keepWithin(limit / (2 * asideParts))
}

// Take enters n bytes for a holder who has so many already; false if he may not have
// them. What is taken is returned by Give.
func (p *Chunks) Take(n, held int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.budget.allows(int64(n), int64(held)) {
		p.budget.refused++
		return false
	}
	p.budget.add(int64(n))
	return true
}

// TakePromised enters n bytes for a new connection, or a new socket: as long as there
// is room for it, and something is left for those which are there. GivePromised returns
// them.
func (p *Chunks) TakePromised(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := &p.budget
	if b.limit > 0 && int64(n) > b.limit-2*(b.limit/asideParts)-b.used {
		b.refused++
		return false
	}
	b.promise(int64(n))
	return true
}

// Give gives back n bytes that were taken.
func (p *Chunks) Give(n int) { p.giveBack(n, (*budget).add) }

// GivePromised gives back n bytes that were promised.
func (p *Chunks) GivePromised(n int) { p.giveBack(n, (*budget).promise) }

func (p *Chunks) giveBack(n int, enter func(b *budget, n int64)) {
	b := &p.budget
	p.mu.Lock()
	enter(b, -int64(n))
	tell := b.wanted > 0 && b.tell()
	p.mu.Unlock()
	if tell {
		b.starved()
	}
}

// Share is what one holder may have at this moment, in bytes.
func (p *Chunks) Share() int {
	if share := p.budget.share.Load(); share > 0 {
		return int(min(share-1, unboundedShare))
	}
	return unboundedShare
}

// Starving says that somebody waits for more than Share, which he has found to be too
// little.
func (p *Chunks) Starving() {
	p.mu.Lock()
	b := &p.budget
	if share := b.most() + 1; b.wanted == 0 || share < b.wanted {
		b.wanted = share
	}
	p.mu.Unlock()
}

// Memory returns how much is held now.
func (p *Chunks) Memory() MemoryStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return MemoryStats{Limit: p.budget.limit, Used: p.budget.used, Refused: p.budget.refused}
}
