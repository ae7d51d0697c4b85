package usernet

import (
	"net"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// keepAlive is how a connection is probed; the zero value is off. A value that a
// connection holds is never changed: many share it.
type keepAlive struct {
	on             bool
	idle, interval time.Duration
	count          int
}

// Package net's defaults, which fill what a net.KeepAliveConfig leaves zero.
const (
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 15 * time.Second
	keepAliveCount    = 9
)

// newKeepAlive returns what a Config asks for: as in net, probing is on unless
// period is negative.
func newKeepAlive(period time.Duration, config net.KeepAliveConfig) *keepAlive {
	k := (&keepAlive{}).with(net.KeepAliveConfig{Enable: true})
	return k.override(period, config)
}

// override returns what a Dialer or ListenConfig asks for; k where it asks for
// nothing.
func (k *keepAlive) override(period time.Duration, config net.KeepAliveConfig) *keepAlive {
	switch {
	case config.Enable:
		return k.with(config)
	case period < 0:
		off := *k
		off.on = false
		return &off
	case period > 0:
		return k.with(net.KeepAliveConfig{Enable: true, Idle: period})
	}
	return k
}

// with returns k with config applied: as in net, zero fields mean the defaults,
// and negative ones leave k as it is.
func (k *keepAlive) with(config net.KeepAliveConfig) *keepAlive {
	n := *k
	n.on = config.Enable
	set(&n.idle, config.Idle, keepAliveIdle)
	set(&n.interval, config.Interval, keepAliveInterval)
	set(&n.count, config.Count, keepAliveCount)
	return &n
}

func set[T int | time.Duration](field *T, value, standard T) {
	switch {
	case value > 0:
		*field = value
	case value == 0 || *field == 0:
		*field = standard
	}
}

// machine returns k in the TCP machine's terms.
func (k *keepAlive) machine() tcp.KeepAlive {
	if !k.on {
		return tcp.KeepAlive{}
	}
	return tcp.KeepAlive{Idle: k.idle, Interval: k.interval, Count: k.count}
}

// SetKeepAlive says whether a silent peer is probed (on by default, as in net).
func (c *TCPConn) SetKeepAlive(on bool) error {
	return c.updateKeepAlive(func(k keepAlive) *keepAlive { k.on = on; return &k })
}

// SetKeepAlivePeriod sets how long the peer may be silent before it is probed.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	return c.updateKeepAlive(func(k keepAlive) *keepAlive {
		set(&k.idle, d, keepAliveIdle)
		return &k
	})
}

// SetKeepAliveConfig sets whether, when and how often a silent peer is probed
// before the connection ends with ETIMEDOUT. Zero fields mean 15 s, 15 s and 9
// probes, negative ones leave things as they are.
func (c *TCPConn) SetKeepAliveConfig(config net.KeepAliveConfig) error {
	return c.updateKeepAlive(func(k keepAlive) *keepAlive { return k.with(config) })
}

func (c *TCPConn) updateKeepAlive(f func(keepAlive) *keepAlive) error {
	c.mu.Lock()
	k := f(*c.keepAlive)
	c.keepAlive = k
	c.mu.Unlock() // the engine may send, and a link in memory may come back to us
	return c.opError("set", "setsockopt", c.c.SetKeepAlive(k.machine()))
}
