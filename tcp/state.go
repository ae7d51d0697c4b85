package tcp

import "strconv"

// State is the state of a connection (RFC 9293, 3.3.2). It prints as the RFC
// writes it.
type State uint8

// The eleven states, in the RFC's order.
const (
	StateClosed State = iota
	StateListen
	StateSynSent
	StateSynReceived
	StateEstablished
	StateFinWait1
	StateFinWait2
	StateCloseWait
	StateClosing
	StateLastAck
	StateTimeWait
)

var stateNames = [...]string{
	StateClosed:      "CLOSED",
	StateListen:      "LISTEN",
	StateSynSent:     "SYN-SENT",
	StateSynReceived: "SYN-RECEIVED",
	StateEstablished: "ESTABLISHED",
	StateFinWait1:    "FIN-WAIT-1",
	StateFinWait2:    "FIN-WAIT-2",
	StateCloseWait:   "CLOSE-WAIT",
	StateClosing:     "CLOSING",
	StateLastAck:     "LAST-ACK",
	StateTimeWait:    "TIME-WAIT",
}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// synchronized says that both ends know each other's sequence numbers.
//
// RFC 9293, 3.5.2: "synchronized state (ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2,
// CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT)".
func (s State) synchronized() bool { return s >= StateEstablished }

// receivesText says that the peer may still send text: it has not sent FIN.
func (s State) receivesText() bool {
	return s == StateEstablished || s == StateFinWait1 || s == StateFinWait2
}
