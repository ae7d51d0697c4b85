//go:build !linux

package hop

func newWaiter() (waiter, error) { return newTimerWaiter(), nil }

// There are no devices here: see ends.Kernel.
func readDevice(int, []byte) int { return 0 }
func writeDevice(int, []byte)    {}
