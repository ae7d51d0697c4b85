package link

// loses says whether the path loses the packet of that number, and must be
// asked once for each.
func (c *Carrier) loses(number uint64) bool {
	p := &c.path
	chance := c.chance(number, drawLoss)
	switch {
	case p.Burst == 0 || number == 0 || p.Loss == 0:
		c.bad = chance < p.Loss
	case c.bad:
		c.bad = chance >= 1/p.Burst
	default:
		// So often that the share of bad packets comes to Loss.
		c.bad = chance < p.Loss/(p.Burst*(1-p.Loss))
	}
	return c.bad
}

// What is drawn for a packet, each by itself, so that no draw depends on
// whether another one took place.
const (
	drawLoss = iota
	drawJitter
	drawReorder
	drawDuplicate
	drawCorrupt
	drawBit
	draws
)

// draw returns 64 random bits. The mixing function is that of SplitMix64
// (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
func (c *Carrier) draw(number uint64, what int) uint64 {
	x := c.seed + (number*draws+uint64(what)+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chance returns a random number from 0 to just below 1.
func (c *Carrier) chance(number uint64, what int) float64 {
	return float64(c.draw(number, what)>>11) / (1 << 53)
}
