// Package ladder draws one TCP connection in text, as the figures of RFC 9293
// do: two verticals, an arrow between them for each segment in the RFC's
// notation, the states of both ends beside them.
//
// It stands beside the way of a byte, and sees of it only a list of events:
// which segment was sent, when, by which end, and what became of it. From these
// it derives what the events do not say (the states, retransmissions, duplicate
// acknowledgments), chooses the segments that tell the story (handshake, first
// data, one lost segment and its way back, close), and folds the rest into lines
// such as "... 312 segments, 450 kB ...".
//
// Sequence numbers are drawn relative to each end's initial one. A connection
// whose SYN was not seen is drawn without states, from the first number seen on.
//
// It does not take captures apart and keeps one connection's events from another
// only if its caller does.
package ladder
