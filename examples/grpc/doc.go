// Package grpc shows how a program that speaks gRPC is tested on a bad network: its
// tests are a server and a client on two hosts of package sim, with real TCP, loss
// and partitions, in the virtual time of testing/synctest. It needs no root and no
// port of the machine.
//
// Three things make a gRPC program run on sim: the server serves a listener of its
// host, grpc.WithContextDialer has the client dial from its own, and the target
// begins with "passthrough:///", which leaves the name to that dialer; gRPC's own
// resolver would ask the machine's name servers.
package grpc
