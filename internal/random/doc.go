// Package random reads the operating system's secure random numbers: from them come the
// secrets and seeds of a stack that is given no source of its own.
//
// On Linux it asks the kernel, as crypto/rand does, which is what the others have;
// crypto/rand would be 0.24 MB of each program, with the generator, the ciphers and the
// hashes of its FIPS 140 mode.
package random
