package load

import (
	"runtime"
	"runtime/debug"
	"time"
)

// Usage is what processes have used, or have in use.
type Usage struct {
	CPU            time.Duration // user and system
	Mallocs, Bytes uint64        // all that were allocated so far
	Heap, Objects  uint64        // now
	Stack          uint64
	Resident, Peak uint64
	Goroutines     uint64
}

// ReadUsage returns this process's.
func ReadUsage() Usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := Usage{CPU: processorTime(), Mallocs: m.Mallocs, Bytes: m.TotalAlloc, Heap: m.HeapAlloc, Objects: m.HeapObjects, Stack: m.StackInuse}
	u.Resident, u.Peak = residentMemory()
	u.Goroutines = uint64(runtime.NumGoroutine())
	return u
}

// ReadRest returns this process's when all garbage is collected.
func ReadRest() Usage {
	runtime.GC()
	// Finalisers and what sync.Pool keeps for another round are gone with the second.
	debug.FreeOSMemory()
	return ReadUsage()
}

// Plus returns the sum of what two processes use.
func (u Usage) Plus(v Usage) Usage {
	return Usage{u.CPU + v.CPU, u.Mallocs + v.Mallocs, u.Bytes + v.Bytes, u.Heap + v.Heap, u.Objects + v.Objects,
		u.Stack + v.Stack, u.Resident + v.Resident, u.Peak + v.Peak, u.Goroutines + v.Goroutines}
}

// usage is that of both sides.
func usage(peer Peer) (Usage, error) {
	other, err := peer.Usage()
	return ReadUsage().Plus(other), err
}

// per writes what was used since before, for each of n units, into f.
func (f Figures) per(n float64, before, after Usage) {
	f[CPU] = float64((after.CPU - before.CPU).Nanoseconds()) / 1e3 / n
	f[Allocs] = float64(after.Mallocs-before.Mallocs) / n
	f[AllocBytes] = float64(after.Bytes-before.Bytes) / n
}
