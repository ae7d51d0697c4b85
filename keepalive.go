package usernet

import (
	"net"
	"time"

	"github.com/usernet-go/usernet/tcp"
)

// Package net's defaults, which fill what a net.KeepAliveConfig leaves zero.
const (
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 15 * time.Second
	keepAliveCount    = 9
)

// newKeepAlive returns what a Config asks for: as in net, probing is on unless
// period is negative. What a connection holds is never changed: many share it.
func newKeepAlive(period time.Duration, config net.KeepAliveConfig) *tcp.KeepAlive {
	k := withKeepAlive(&tcp.KeepAlive{}, net.KeepAliveConfig{Enable: true})
	return overrideKeepAlive(k, period, config)
}

// overrideKeepAlive returns what a Dialer or ListenConfig asks for; k where it asks for
// nothing.
func overrideKeepAlive(k *tcp.KeepAlive, period time.Duration, config net.KeepAliveConfig) *tcp.KeepAlive {
	switch {
	case config.Enable:
		return withKeepAlive(k, config)
	case period < 0:
		off := *k
		off.Off = true
		return &off
	case period > 0:
		return withKeepAlive(k, net.KeepAliveConfig{Enable: true, Idle: period})
	}
	return k
}

// withKeepAlive returns k with config applied: as in net, zero fields mean the defaults,
// and negative ones leave k as it is.
func withKeepAlive(k *tcp.KeepAlive, config net.KeepAliveConfig) *tcp.KeepAlive {
	n := *k
	n.Off = !config.Enable
	set(&n.Idle, config.Idle, keepAliveIdle)
	set(&n.Interval, config.Interval, keepAliveInterval)
	set(&n.Count, config.Count, keepAliveCount)
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

// SetKeepAlive says whether a silent peer is probed (on by default, as in net).
func (c *TCPConn) SetKeepAlive(on bool) error {
	return c.updateKeepAlive(func(k *tcp.KeepAlive) *tcp.KeepAlive { n := *k; n.Off = !on; return &n })
}

// SetKeepAlivePeriod sets how long the peer may be silent before it is probed.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	return c.updateKeepAlive(func(k *tcp.KeepAlive) *tcp.KeepAlive {
		n := *k
		set(&n.Idle, d, keepAliveIdle)
		return &n
	})
}

// SetKeepAliveConfig sets whether, when and how often a silent peer is probed
// before the connection ends with ETIMEDOUT. Zero fields mean 15 s, 15 s and 9
// probes, negative ones leave things as they are.
func (c *TCPConn) SetKeepAliveConfig(config net.KeepAliveConfig) error {
	return c.updateKeepAlive(func(k *tcp.KeepAlive) *tcp.KeepAlive { return withKeepAlive(k, config) })
}

func (c *TCPConn) updateKeepAlive(f func(*tcp.KeepAlive) *tcp.KeepAlive) error {
	return c.opError("set", "setsockopt", c.engine().UpdateKeepAlive(f))
}
