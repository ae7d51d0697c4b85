package tcp

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// toyPath drives a congestion control over one bottleneck: a sender of segments of
// one size that keeps the state which the draft's "Delivery Rate Samples" tells of,
// a queue, and a receiver that acknowledges each segment by itself.
type toyPath struct {
	rate      float64       // bytes in a second
	rtt       time.Duration // without the queue
	queue     float64       // bytes that it holds
	loss      float64       // share that is lost at random
	aggregate time.Duration // ACKs come all at once, each time that so much has passed
	app       float64       // bytes in a second that the user writes; 0: as many as can be sent
	paused    bool          // the user writes nothing
	noSACK    bool
	police    *toyPolicer

	cc     CongestionControl
	w      Window
	now    time.Duration
	random *rand.Rand
	acks   toyACKs

	free      time.Duration // when the bottleneck has sent all that it holds
	paceAt    time.Duration
	wrote     float64 // by the user, not sent yet
	wroteAt   time.Duration
	inFlight  int
	delivered int64
	lost      int64
	first     time.Duration // C.first_send_time
	deliverAt time.Duration // C.delivered_time
	appEnd    int64         // C.app_limited
	srtt      time.Duration
	minRTT    time.Duration
	lastACK   time.Duration

	next       int64 // number of the next transmission
	out        []*toySegment
	repair     int   // lost segments that have not been sent again
	recovering bool  // and the repairs of those that have, this many:
	repairing  int   // are not acknowledged yet
	timeout    bool  // the recovery is one after a timeout
	highest    int64 // transmission with the highest number that has arrived
	newlyLost  int

	resent, overflow int
	waitSum          time.Duration
	waits            int
	observe          func() // after each call of the congestion control
}

type toyPolicer struct{ rate, bucket, tokens, at float64 }

// toySegment is a transmission, with the draft's "Per-packet (P) state".
type toySegment struct {
	id                      int64
	size                    int
	total, lost             int64
	delivered, first, sent  time.Duration
	appLimited, again, gone bool
	inFlight                int
	arrives                 time.Duration // its ACK
}

type toyACKs []*toySegment

func (h toyACKs) Len() int { return len(h) }
func (h toyACKs) Less(i, j int) bool {
	return h[i].arrives < h[j].arrives || h[i].arrives == h[j].arrives && h[i].id < h[j].id
}
func (h toyACKs) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *toyACKs) Push(x any)   { *h = append(*h, x.(*toySegment)) }
func (h *toyACKs) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

const toyMSS = 1448

// newToyPath makes a path of so many Mbit/s whose queue takes some of its products.
func newToyPath(mbits float64, rtt time.Duration, products float64) *toyPath {
	p := &toyPath{rate: mbits * 1e6 / 8, rtt: rtt, random: rand.New(rand.NewPCG(1, 2)), highest: -1, minRTT: noRTT}
	p.queue = max(products*p.rate*rtt.Seconds(), 32<<10)
	return p
}

// start begins the flow.
func (p *toyPath) start(cc CongestionControl, seed uint64) {
	p.cc, p.random = cc, rand.New(rand.NewPCG(seed, 0))
	p.w = Window{MSS: toyMSS, Bytes: 10 * toyMSS, SlowStartThreshold: UnboundedThreshold}
	p.srtt = p.rtt
	cc.Start(&p.w, Beginning{Now: p.now, Initial: p.w.Bytes, RTT: p.rtt, SACK: !p.noSACK, Seed: seed})
}

// setRate changes the rate, for what is in the queue too.
func (p *toyPath) setRate(rate float64) {
	later := func(t time.Duration) time.Duration {
		return p.now + time.Duration(float64(t-p.now)*p.rate/rate)
	}
	for _, s := range p.acks {
		if s.arrives-p.rtt > p.now {
			s.arrives = later(s.arrives-p.rtt) + p.rtt
		}
	}
	p.free = later(max(p.free, p.now))
	p.rate = rate
}

// run lets time go on for so long, or until done says so; it tells whether that has
// happened.
func (p *toyPath) run(d time.Duration, done func() bool) bool {
	for end := p.now + d; ; {
		p.send()
		next := end
		if len(p.acks) > 0 {
			next = min(next, p.acks[0].arrives)
		}
		if at := p.maySendAt(); at > p.now {
			next = min(next, at)
		}
		if p.inFlight > 0 {
			next = min(next, p.timeoutAt())
		}
		if next >= end {
			p.now = end
			return false
		}
		p.now = next
		switch {
		case len(p.acks) > 0 && p.acks[0].arrives == p.now:
			p.acknowledge()
		case p.inFlight > 0 && p.timeoutAt() <= p.now:
			p.expire()
		}
		if done != nil && done() {
			return true
		}
	}
}

func (p *toyPath) timeoutAt() time.Duration {
	return p.lastACK + max(time.Second, 3*p.srtt) + p.aggregate
}

func (p *toyPath) called() {
	if p.observe != nil {
		p.observe()
	}
}

// available is whether the user, or recovery, has a segment to send.
func (p *toyPath) available() bool {
	if p.repair > 0 {
		return true
	}
	if p.app > 0 {
		p.wrote += p.app * (p.now - p.wroteAt).Seconds()
		p.wroteAt = p.now
		return p.wrote >= toyMSS && !p.paused
	}
	return !p.paused
}

// maySendAt is the time until which the sender waits if nothing arrives.
func (p *toyPath) maySendAt() time.Duration {
	if p.inFlight+toyMSS > p.w.Bytes {
		return 0
	}
	if !p.available() {
		if p.app > 0 && !p.paused {
			return p.now + time.Duration((toyMSS-p.wrote)/p.app*1e9) + 1
		}
		return 0
	}
	return p.paceAt
}

func (p *toyPath) send() {
	for p.inFlight+toyMSS <= p.w.Bytes && p.paceAt <= p.now {
		if !p.available() {
			p.appEnd = max(p.delivered+int64(p.inFlight), 1)
			return
		}
		p.transmit()
	}
}

func (p *toyPath) transmit() {
	s := &toySegment{id: p.next, size: toyMSS, again: p.repair > 0}
	p.next++
	if s.again {
		p.repair--
		p.repairing++
		p.resent++
	} else if p.app > 0 {
		p.wrote -= toyMSS
	}
	if p.inFlight == 0 {
		p.first, p.deliverAt, p.lastACK = p.now, p.now, p.now
	}
	p.inFlight += s.size
	s.first, s.delivered, s.total, s.lost = p.first, p.deliverAt, p.delivered, p.lost
	s.sent, s.inFlight, s.appLimited = p.now, p.inFlight, p.appEnd != 0
	p.out = append(p.out, s)
	p.cc.Sent(&p.w, Sending{Now: p.now, Bytes: s.size, InFlight: p.inFlight, Again: s.again, AppLimited: s.appLimited})
	p.called()
	p.paceAt = max(p.paceAt, p.now) + time.Duration(float64(s.size)/float64(p.w.PacingRate)*1e9)
	p.carry(s)
}

// carry sends a segment over the bottleneck.
func (p *toyPath) carry(s *toySegment) {
	if q := p.police; q != nil {
		now := p.now.Seconds()
		q.tokens = min(q.bucket, q.tokens+(now-q.at)*q.rate)
		q.at = now
		if q.tokens < float64(s.size) {
			p.overflow++
			return
		}
		q.tokens -= float64(s.size)
	}
	wait := max(0, p.free-p.now)
	if wait.Seconds()*p.rate+float64(s.size) > p.queue+float64(toyMSS) {
		p.overflow++
		return
	}
	p.waitSum += wait
	p.waits++
	p.free = p.now + wait + time.Duration(float64(s.size)/p.rate*1e9)
	if p.random.Float64() < p.loss {
		return
	}
	s.arrives = p.free + p.rtt
	if p.aggregate > 0 {
		s.arrives = (s.arrives + p.aggregate - 1) / p.aggregate * p.aggregate
	}
	heap.Push(&p.acks, s)
}

// acknowledge lets all arrive that does now, as one ACK.
func (p *toyPath) acknowledge() {
	a := Acknowledgment{Now: p.now, Before: p.inFlight}
	var newest *toySegment
	for len(p.acks) > 0 && p.acks[0].arrives == p.now {
		s := heap.Pop(&p.acks).(*toySegment)
		if s.gone {
			continue // taken for lost by a timeout
		}
		s.gone = true
		p.delivered += int64(s.size)
		p.inFlight -= s.size
		a.Bytes += s.size
		if s.again {
			p.repairing = max(0, p.repairing-1)
		}
		p.highest = max(p.highest, s.id)
		if newest == nil || s.id > newest.id {
			newest = s
		}
	}
	if newest == nil {
		return
	}
	p.deliverAt, p.lastACK = p.now, p.now
	if p.appEnd != 0 && p.delivered > p.appEnd {
		p.appEnd = 0
	}
	a.RTT = p.now - newest.sent
	p.minRTT = min(p.minRTT, a.RTT)
	p.srtt += (a.RTT - p.srtt) / 8
	p.first = newest.sent
	p.findLost()
	a.Rate = RateSample{
		PriorTotal: newest.total, Delivered: int(p.delivered - newest.total), InFlight: newest.inFlight,
		Lost: int(p.lost - newest.lost), AppLimited: newest.appLimited,
	}
	if d := max(newest.sent-newest.first, p.now-newest.delivered); d >= p.minRTT {
		a.Rate.Interval = d
	}
	a.Delivered, a.InFlight, a.Total, a.SmoothedRTT = a.Bytes, p.inFlight, p.delivered, p.srtt
	a.Lost, p.newlyLost = p.newlyLost, 0
	a.Recovering, a.InTimeout = p.recovering, p.recovering && p.timeout
	p.cc.Acknowledged(&p.w, a)
	p.called()
	if p.recovering && p.repair == 0 && p.repairing == 0 {
		p.recovering = false
		p.cc.Recovered(&p.w, Recovery{Now: p.now, InFlight: p.inFlight, Timeout: p.timeout})
		p.called()
	}
}

// findLost takes for lost what was sent three transmissions before one that has
// arrived.
func (p *toyPath) findLost() {
	flight, any := p.inFlight, false
	for len(p.out) > 0 && (p.out[0].gone || p.out[0].id+3 <= p.highest) {
		if s := p.out[0]; !s.gone {
			any = true
			p.lose(s)
		}
		p.out = p.out[1:]
	}
	if any && !p.recovering {
		p.recovering, p.timeout = true, false
		p.cc.Lost(&p.w, Loss{Now: p.now, Flight: flight, InFlight: p.inFlight})
		p.called()
	}
}

func (p *toyPath) lose(s *toySegment) {
	s.gone = true
	p.lost += int64(s.size)
	p.newlyLost += s.size
	p.inFlight -= s.size
	p.repair++
	if s.again {
		p.repairing = max(0, p.repairing-1)
	}
	if l, ok := p.cc.(LossWatcher); ok {
		l.SegmentLost(&p.w, SegmentLoss{
			Now: p.now, Bytes: s.size, PriorTotal: s.total, InFlight: s.inFlight,
			Lost: int(p.lost - s.lost), AppLimited: s.appLimited,
		})
		p.called()
	}
}

// expire is the retransmission timer.
func (p *toyPath) expire() {
	flight := p.inFlight
	for _, s := range p.out {
		if !s.gone {
			p.lose(s)
		}
	}
	p.out = nil
	p.recovering, p.timeout, p.lastACK = true, true, p.now
	p.cc.Lost(&p.w, Loss{Now: p.now, Flight: flight, InFlight: p.inFlight, Timeout: true})
	p.called()
}

// measure runs for a while and tells what was reached.
func (p *toyPath) measure(d time.Duration) toyResult {
	from, resent := p.delivered, p.resent
	p.waitSum, p.waits = 0, 0
	p.run(d, nil)
	return toyResult{
		mbits: float64(p.delivered-from) * 8 / 1e6 / d.Seconds(), resent: p.resent - resent,
		wait: p.waitSum / time.Duration(max(1, p.waits)),
	}
}

type toyResult struct {
	mbits  float64
	resent int
	wait   time.Duration
}

func (r toyResult) String() string {
	return fmt.Sprintf("%.2f Mbit/s, %d resent, %v mean wait", r.mbits, r.resent, r.wait.Round(10*time.Microsecond))
}
