package sim_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usernet-go/usernet/sim"
)

// A toy of Raft: most of the nodes elect a leader for a term, and it copies its log,
// whole, to the others with each heartbeat.

const heartbeat = 50 * time.Millisecond

type entry struct {
	Term  int
	Value string
}

type message struct {
	Kind       string // "elect" asks for "vote", "copy" for "have"
	From, Term int
	Log        []entry
	N          int // entries that the leader has committed, or that From has
}

type node struct {
	id     int
	socket net.PacketConn
	peers  []net.Addr // by id
	chance *rand.Rand
	wake   time.Time // when to send a heartbeat, or to stand for election

	mu                         sync.Mutex // guards what follows
	term, votedIn, led, commit int        // led is the last term in which it was elected
	votes                      []int      // by id: its vote, or how much of the log it has
	log                        []entry    // the first entry is no entry
}

func (n *node) run() {
	b := make([]byte, 1500)
	for n.patience(); ; {
		n.socket.SetReadDeadline(n.wake)
		size, _, err := n.socket.ReadFrom(b)
		var m message
		n.mu.Lock()
		switch e, _ := err.(net.Error); {
		case err == nil && json.Unmarshal(b[:size], &m) == nil:
			n.receive(m)
		case e == nil || !e.Timeout():
			n.mu.Unlock()
			return // closed
		case n.led == n.term:
			n.copy()
		default:
			n.enter(n.term + 1)
			n.votedIn, n.votes[n.id] = n.term, 1
			n.patience()
			n.send(message{Kind: "elect", Log: n.log})
		}
		n.mu.Unlock()
	}
}

func (n *node) patience() {
	n.wake = time.Now().Add(3*heartbeat + time.Duration(n.chance.Int64N(int64(3*heartbeat))))
}

func (n *node) enter(term int) { n.term, n.votes = term, make([]int, len(n.peers)) }

func (n *node) copy() {
	n.wake, n.votes[n.id] = time.Now().Add(heartbeat), len(n.log)
	n.send(message{Kind: "copy", Log: n.log, N: n.commit})
}

func (n *node) send(m message, to ...int) { // to all others if to nobody
	m.From, m.Term = n.id, n.term
	b, _ := json.Marshal(m)
	for id, peer := range n.peers {
		if id != n.id && (to == nil || slices.Contains(to, id)) {
			n.socket.WriteTo(b, peer)
		}
	}
}

func (n *node) receive(m message) {
	if m.Term > n.term {
		n.enter(m.Term)
	}
	majority := len(n.peers)/2 + 1
	switch isNew := m.Log == nil || !newer(n.log, m.Log); {
	case m.Term < n.term: // from the past
	case m.Kind == "elect" && n.votedIn < n.term && isNew:
		n.votedIn = n.term
		n.patience()
		n.send(message{Kind: "vote"}, m.From)
	case m.Kind == "vote" && n.led < n.term:
		n.votes[m.From] = 1
		if slices.Sorted(slices.Values(n.votes))[len(n.peers)-majority] == 1 {
			n.enter(n.term)
			n.led, n.log = n.term, append(n.log, entry{n.term, "elected"})
			n.copy()
		}
	case m.Kind == "copy" && isNew:
		n.log, n.commit = m.Log, max(n.commit, m.N)
		n.patience()
		n.send(message{Kind: "have", N: len(n.log)}, m.From)
	case m.Kind == "have" && n.led == n.term:
		n.votes[m.From] = max(n.votes[m.From], m.N)
		n.commit = max(n.commit, slices.Sorted(slices.Values(n.votes))[len(n.peers)-majority])
	}
}

// newer says whether log a has something that b may lack.
func newer(a, b []entry) bool {
	x, y := a[len(a)-1].Term, b[len(b)-1].Term
	return x > y || x == y && len(a) > len(b)
}

// A cluster is five nodes at two switches; trunk joins those.
type cluster struct {
	t       *testing.T
	nodes   []*node
	trunk   *sim.Cable
	leaders map[int]int // by term
}

func newCluster(t *testing.T, seed uint64) *cluster {
	w := sim.New(sim.Config{T: t, Seed: seed})
	left, right := w.Switch("left"), w.Switch("right")
	c := &cluster{t: t, leaders: make(map[int]int)}
	c.trunk = w.Connect(left, right, sim.Path{Delay: 2 * time.Millisecond, Loss: 0.05})
	var peers []net.Addr
	for id := range 5 {
		h := w.Host(fmt.Sprint("node", id))
		w.Connect(h, []sim.Node{left, left, right, right, right}[id], sim.Path{Delay: time.Millisecond})
		socket, err := h.ListenPacket("udp", ":7000")
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, &net.UDPAddr{IP: h.Addrs()[0].AsSlice(), Port: 7000})
		n := &node{id: id, socket: socket, chance: rand.New(rand.NewPCG(seed, uint64(id))), log: make([]entry, 1)}
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.peers = peers
		n.enter(1)
		go n.run()
	}
	c.watch(time.Second)
	return c
}

// watch lets time pass, and wants one leader for each term.
func (c *cluster) watch(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(heartbeat) {
		for _, n := range c.nodes {
			n.mu.Lock()
			if id, ok := c.leaders[n.led]; ok && id != n.id && n.led > 0 {
				c.t.Errorf("nodes %d and %d both lead in term %d", id, n.id, n.led)
			}
			c.leaders[n.led] = n.id
			n.mu.Unlock()
		}
	}
}

// propose has the leaders among nodes take a value, and returns how many there are.
func (c *cluster) propose(nodes []*node, value string) (leaders int) {
	for _, n := range nodes {
		n.mu.Lock()
		if n.led == n.term {
			n.log = append(n.log, entry{n.term, value})
			leaders++
		}
		n.mu.Unlock()
	}
	return leaders
}

// want wants nodes to have committed these values, and no others.
func (c *cluster) want(nodes []*node, values ...string) {
	c.t.Helper()
	for _, n := range nodes {
		n.mu.Lock()
		var got []string
		for _, e := range n.log[:max(1, n.commit)][1:] {
			if e.Value != "elected" {
				got = append(got, e.Value)
			}
		}
		n.mu.Unlock()
		if !slices.Equal(got, values) {
			c.t.Errorf("node %d has committed %q, want %q", n.id, got, values)
		}
	}
}

func TestElection(t *testing.T) {
	deposed := 0
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, seed+1)
				minority, majority := c.nodes[:2], c.nodes[2:]
				if n := c.propose(c.nodes, "first"); n != 1 {
					t.Fatalf("%d leaders, want one", n)
				}
				c.watch(time.Second)
				c.want(c.nodes, "first")

				c.trunk.Cut()
				c.watch(time.Second)
				deposed += c.propose(minority, "lost")
				if n := c.propose(majority, "second"); n != 1 {
					t.Fatalf("%d leaders of the majority, want one", n)
				}
				c.watch(3 * time.Second)
				c.want(minority, "first")
				c.want(majority, "first", "second")

				c.trunk.Heal()
				c.watch(time.Second)
				if n := c.propose(c.nodes, "third"); n != 1 {
					t.Fatalf("%d leaders after the partition, want one", n)
				}
				c.watch(time.Second)
				c.want(c.nodes, "first", "second", "third")
			})
		})
	}
	if deposed == 0 {
		t.Error("no leader was on the side of the minority")
	}
}
