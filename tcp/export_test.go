package tcp

const (
	FirstBuffer = firstBuffer
	ResizeIdle  = resizeIdle
)
