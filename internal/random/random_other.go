//go:build !linux

package random

import (
	"crypto/rand"
	"io"
)

// Reader fills buffers with secure random numbers.
var Reader io.Reader = rand.Reader
