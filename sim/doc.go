// Package sim is a network inside one Go test: hosts, each with a stack of its
// own, switches and routers between them, and paths with a rate, delay, loss and
// all else that networks do to packets. What runs on it is real: TCP, TLS, HTTP,
// gRPC, by the verbs of package net.
//
//	synctest.Test(t, func(t *testing.T) {
//		w := sim.New(sim.Config{T: t, Seed: 42})
//		client, server := w.Host("client"), w.Host("server")
//		p := w.Connect(client, server, sim.Path{Delay: 20 * time.Millisecond, Rate: 10 * sim.Mbps, Loss: 0.01})
//		ln, err := server.Listen("tcp", ":80")
//		...
//		c, err := client.Dial("tcp", "server:80")
//		...
//		p.Cut() // and p.Heal()
//	})
//
// Inside testing/synctest time is virtual: a day of silence takes no time, and
// a test with an hour of traffic takes seconds. Outside of it time is real.
//
// # What repeats
//
// In virtual time a run repeats as long as the program under test does the same.
// These follow from the seed and never from the order in which goroutines ran:
//
//   - What happens to a packet on a path: from the seed, the path and the packet's
//     number on it.
//   - The order of events. One goroutine, the engine, lets packets arrive and timers
//     of stacks run out, one at a time, each at an instant of its own, when all
//     other goroutines in the bubble are blocked.
//   - The order on a path of what several goroutines send at one instant: by
//     addresses and ports, and for one connection in the order in which it was sent.
//   - Sequence numbers, ports and identifiers: each host draws its own, from the
//     seed and its name.
//
// The engine acts at odd nanoseconds after New, and wakes those who wait for a
// connection at even ones, one after the other, within a microsecond: each arrival
// wakes at another nanosecond of it than the 498 before. So a program's own timers,
// whose durations are nearly always whole microseconds, do not fall together with
// what arrives, not even where a time-out is a multiple of the peer's interval.
// Durations of single nanoseconds may do so, by a rare chance. All other events wait
// for that microsecond: a path of 10 Gbit/s is as fast as virtual time can be exact.
//
// Go's scheduler still decides the order of goroutines of the program that run at
// one instant, where they share something: two that dial from one host at the same
// instant may swap their ports, two that write to one connection their text, and of
// two timers of one instant either may fire first. So it does within a host, whose
// connections to itself take no time; two sockets that send datagrams in fragments
// to one host may swap their identifications; and where not all that is sent at one
// instant finds room, as with a neighbour who is still looked for, some of it gets
// it. A program that draws random numbers by itself, as TLS does, sends other bytes
// in each run; what happens to the packets stays the same as long as there are as
// many.
//
// On the way of a byte, a path stands where a device and a wire would.
package sim
