package tcp

import "strconv"

// Reason says why a segment, or part of it, was not taken, for counters and
// traces. Zero is a segment that was taken whole.
type Reason uint8

// The reasons, in the order of the checks.
const (
	ReasonTaken            Reason = iota
	ReasonNoConnection            // in CLOSED; answered with RST unless it was one
	ReasonListenRST               // RST in LISTEN
	ReasonListenACK               // ACK in LISTEN; answered with RST
	ReasonListenNoSYN             // neither RST, ACK nor SYN in LISTEN
	ReasonSynSentACK              // ACK of something never sent in SYN-SENT; answered with RST
	ReasonSynSentRST              // RST without acceptable ACK in SYN-SENT
	ReasonSynSentNoSYN            // neither SYN nor RST in SYN-SENT
	ReasonNoTimestamps            // timestamps were agreed on and are missing (RFC 7323, 3.2)
	ReasonPAWS                    // timestamp older than one that has arrived (RFC 7323, 5.3)
	ReasonOutOfWindow             // no part of it in the receive window
	ReasonRSTOutOfWindow          // RST outside of the window
	ReasonRSTInWindow             // RST in the window, but not at its left edge: challenged (RFC 5961, 3.2)
	ReasonSYNInConnection         // SYN on a synchronized connection: challenged (RFC 5961, 4.2)
	ReasonNoACK                   // neither ACK nor RST nor SYN
	ReasonUnacceptableACK         // ACK outside of what may be acknowledged (RFC 5961, 5.2)
	ReasonDuplicateText           // all of its text had arrived before
	ReasonTextBeyondWindow        // the part of its text that is beyond the window
	ReasonTextAfterFIN            // text behind the peer's FIN
	ReasonTextAfterClose          // text for a user who has closed; answered with RST
	ReasonTextDiscarded           // text for a user who has closed the reading side; acknowledged
	ReasonTooManyRuns             // out of order, and there are too many gaps already
	ReasonNoMemory                // text, or part of it, for which there is no memory
	ReasonReset                   // RST that ended the connection
	ReasonReopen                  // SYN that may reopen a connection in TIME-WAIT: it is for a listener
	ReasonTimeWait                // ignored in TIME-WAIT
	NumReasons                    // how many there are
)

var reasonNames = [NumReasons]string{
	ReasonTaken:            "taken",
	ReasonNoConnection:     "TCP no connection",
	ReasonListenRST:        "TCP RST in LISTEN",
	ReasonListenACK:        "TCP ACK in LISTEN",
	ReasonListenNoSYN:      "TCP no SYN in LISTEN",
	ReasonSynSentACK:       "TCP unacceptable ACK in SYN-SENT",
	ReasonSynSentRST:       "TCP RST without ACK in SYN-SENT",
	ReasonSynSentNoSYN:     "TCP no SYN in SYN-SENT",
	ReasonNoTimestamps:     "TCP timestamps missing",
	ReasonPAWS:             "TCP old timestamp",
	ReasonOutOfWindow:      "TCP out of window",
	ReasonRSTOutOfWindow:   "TCP RST out of window",
	ReasonRSTInWindow:      "TCP RST challenged",
	ReasonSYNInConnection:  "TCP SYN challenged",
	ReasonNoACK:            "TCP no ACK",
	ReasonUnacceptableACK:  "TCP unacceptable ACK",
	ReasonDuplicateText:    "TCP duplicate text",
	ReasonTextBeyondWindow: "TCP text beyond window",
	ReasonTextAfterFIN:     "TCP text after FIN",
	ReasonTextAfterClose:   "TCP text after close",
	ReasonTextDiscarded:    "TCP text discarded",
	ReasonTooManyRuns:      "TCP too many gaps",
	ReasonNoMemory:         "TCP no memory",
	ReasonReset:            "TCP reset",
	ReasonReopen:           "TCP reopened TIME-WAIT",
	ReasonTimeWait:         "TCP ignored in TIME-WAIT",
}

func (r Reason) String() string {
	if r < NumReasons {
		return reasonNames[r]
	}
	return "Reason(" + strconv.Itoa(int(r)) + ")"
}
