//go:build !unix

package load

import "time"

// Where the system does not tell, what is used counts as nothing.

func processorTime() time.Duration { return 0 }

func residentMemory() (now, peak uint64) { return 0, 0 }

func kernelMemory() uint64 { return 0 }
