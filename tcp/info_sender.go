package tcp

// recoveryNames are the names of Info.Recovery.
var recoveryNames = [...]string{recoveryNone: "", recoveryReduce: "marks", recoveryFast: "fast", recoveryTimeout: "timeout"}

// tell writes to i what the sender knows of the path and of the text in it.
func (tx *sender) tell(i *Info, c *Conn) {
	b := &tx.board
	i.Sacked, i.Lost, i.FlightAgain = int(b.sacked), int(b.lost), b.bytesAgain()
	i.Reordered, i.DSACKs = int(tx.rack.reordered), int(tx.dsacks)
	i.ReorderingWindow = c.reorderingWindow()
	i.Delivered = uint64(tx.rate.total)
	i.DeliveryRate, i.AppLimited = int(tx.rate.told.BytesPerSecond()), tx.rate.told.AppLimited
}

// bytesAgain is how much of what was sent again is in the network.
func (b *scoreboard) bytesAgain() (n int) {
	for i := range b.len() {
		if f := b.at(i).flags; f.has(sentAgain) && !f.has(sentSacked|sentLost) {
			n += b.size(i)
		}
	}
	return n
}

// tell keeps a sample for Info: as in Linux one of a user who had no more to send
// counts only when it shows more than the last.
func (s *rateSampler) tell(rs *RateSample) {
	if rs.Interval > 0 && (!rs.AppLimited || rs.BytesPerSecond() >= s.told.BytesPerSecond()) {
		s.told = *rs
	}
}
