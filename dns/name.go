package dns

import (
	"net/netip"
	"strconv"
	"strings"
)

// Bounds in bytes. RFC 1035, 2.3.4: "names           255 octets or less"; as text
// that is two less, for the first label's length and for the root.
const (
	maxName  = 253 // without a dot at its end
	maxLabel = 63
)

// ValidName reports whether s can be a domain's name: labels of letters, digits,
// hyphens and underscores, not only digits, with or without a dot at the end. It
// is what package net takes for one.
func ValidName(s string) bool {
	if s == "." {
		return true
	}
	s, _ = strings.CutSuffix(s, ".")
	if s == "" || len(s) > maxName {
		return false
	}
	lettered := false
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '-':
				lettered = true
			case '0' <= c && c <= '9':
			default:
				return false
			}
		}
	}
	return lettered
}

// candidates returns the names to ask for in turn, each with a dot at its end.
func (c *Config) candidates(name string) []string {
	if !ValidName(name) {
		return nil
	}
	// In lower case, because the question must come back as it was sent, and
	// servers that do not keep its case make it that.
	name = strings.ToLower(name)
	if private(name) {
		return nil // nor within the domains of Search: their servers would learn it, too
	}
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	var names []string
	complete := strings.Count(name, ".") >= c.Ndots
	name += "."
	if complete {
		names = mayAsk(names, name)
	}
	for _, domain := range c.Search {
		domain = strings.ToLower(strings.TrimSuffix(domain, "."))
		if domain == "" {
			continue
		}
		names = mayAsk(names, name+domain+".")
	}
	if !complete {
		names = mayAsk(names, name)
	}
	return names
}

// mayAsk appends name to names, unless there can be none or servers are not to be
// asked for it.
func mayAsk(names []string, name string) []string {
	if !ValidName(name) || private(name) {
		return names
	}
	return append(names, name)
}

// private reports whether name, in lower case, is none of the DNS's.
//
// RFC 7686, 2: in .onion it is only Tor's to know. RFC 6761, 6.3: "Name resolution
// APIs SHOULD NOT send queries for localhost names to their configured caching DNS
// server(s)."
func private(name string) bool {
	name = strings.TrimSuffix(name, ".")
	for _, domain := range [...]string{"onion", "localhost"} {
		if rest, ok := strings.CutSuffix(name, domain); ok && (rest == "" || rest[len(rest)-1] == '.') {
			return true
		}
	}
	return false
}

// ReverseName returns the name at which the PTR records of an address are: RFC
// 1035, 3.5, and RFC 3596, 2.5.
func ReverseName(a netip.Addr) string {
	const hexDigits = "0123456789abcdef"
	a = a.Unmap()
	var b []byte
	if a.Is4() {
		ip := a.As4()
		for i := len(ip) - 1; i >= 0; i-- {
			b = strconv.AppendUint(b, uint64(ip[i]), 10)
			if i > 0 {
				b = append(b, '.')
			}
		}
		return string(b) + ".in-addr.arpa."
	}
	ip := a.As16()
	for i := len(ip) - 1; i >= 0; i-- {
		b = append(b, hexDigits[ip[i]&15], '.', hexDigits[ip[i]>>4], '.')
	}
	return string(b) + "ip6.arpa."
}
