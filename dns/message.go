package dns

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

// MaxUDP is the size in bytes of the largest datagram that a server may answer
// with: what EDNS announces. It passes on any path that carries IPv6, whose least
// MTU is 1280.
const MaxUDP = 1232

// appendQuery builds a query. For TCP its length stands before it.
//
// RFC 1035, 4.2.2: "The message is prefixed with a two byte length field which
// gives the message length, excluding the two byte length field."
func appendQuery(id uint16, q dnsmessage.Question, edns, tcp bool) ([]byte, error) {
	b := dnsmessage.NewBuilder(make([]byte, 2, 2+512), dnsmessage.Header{ID: id, RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(q); err != nil {
		return nil, err
	}
	if edns {
		if err := b.StartAdditionals(); err != nil {
			return nil, err
		}
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(MaxUDP, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, err
		}
		if err := b.OPTResource(h, dnsmessage.OPTResource{}); err != nil {
			return nil, err
		}
	}
	msg, err := b.Finish()
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	if !tcp {
		msg = msg[2:]
	}
	return msg, nil
}

// matches begins to parse msg, and reports whether it answers the query: its
// identifier and its question are the query's. A server that does not understand
// EDNS may leave the question out of its error: bare says that it did.
//
// The question is compared byte by byte. It is not sent in random case ("0x20"):
// that adds little to 16 bits of identifier and 15 of port for a client which asks
// a server near it, some servers do not give it back, and the names in answers,
// which refer to it, would come out in random case.
func matches(msg []byte, id uint16, q dnsmessage.Question) (p dnsmessage.Parser, h dnsmessage.Header, bare, ok bool) {
	h, err := p.Start(msg)
	if err != nil || !h.Response || h.ID != id || h.OpCode != 0 {
		return p, h, false, false
	}
	got, err := p.Question()
	if err == dnsmessage.ErrSectionDone {
		return p, h, true, h.RCode == dnsmessage.RCodeFormatError || h.RCode == dnsmessage.RCodeNotImplemented
	}
	if err != nil || got != q {
		return p, h, false, false
	}
	// One question was asked; who answers two did not answer it.
	return p, h, false, p.SkipQuestion() == dnsmessage.ErrSectionDone
}

// A response is what counts of a message that matches.
type response struct {
	rcode    dnsmessage.RCode // with EDNS's upper bits
	records  []dnsmessage.Resource
	aliases  []dnsmessage.Resource
	referral bool // no SOA in the authority section
}

// parseResponse reads the rest of a message after its question.
func parseResponse(p *dnsmessage.Parser, h dnsmessage.Header, qtype dnsmessage.Type) (r response, err error) {
	r.rcode, r.referral = h.RCode, true
	for {
		rh, err := p.AnswerHeader()
		if err == dnsmessage.ErrSectionDone {
			break
		}
		if err != nil {
			return r, err
		}
		if rh.Class != dnsmessage.ClassINET || rh.Type != qtype && rh.Type != dnsmessage.TypeCNAME {
			if err := p.SkipAnswer(); err != nil {
				return r, err
			}
			continue
		}
		res, err := p.Answer()
		if err != nil {
			return r, err
		}
		if rh.Type == qtype {
			r.records = append(r.records, res)
		} else {
			r.aliases = append(r.aliases, res)
		}
	}
	for {
		rh, err := p.AuthorityHeader()
		if err != nil {
			break // the answers are whole: what follows only refines them
		}
		if rh.Type == dnsmessage.TypeSOA {
			r.referral = false
		}
		if p.SkipAuthority() != nil {
			break
		}
	}
	for {
		rh, err := p.AdditionalHeader()
		if err != nil {
			break
		}
		if rh.Type == dnsmessage.TypeOPT {
			r.rcode = rh.ExtendedRCode(h.RCode)
			break
		}
		if p.SkipAdditional() != nil {
			break
		}
	}
	return r, nil
}

// maxChain bounds the aliases from the name asked to the one that has records.
const maxChain = 16

// An Answer are the records of one type that a name has, at least one.
type Answer struct {
	Server  netip.AddrPort
	Name    string // the canonical name, where the records are
	Records []dnsmessage.Resource
}

// follow goes from name along the aliases, in whatever order they stand, and
// returns where the chain ends and the records there. Records of other names are
// no answer, whoever put them there. An endless chain is ok == false.
func (r *response) follow(name dnsmessage.Name) (end dnsmessage.Name, records []dnsmessage.Resource, ok bool) {
	for range maxChain + 1 {
		next := -1
		for i := range r.aliases {
			if sameName(r.aliases[i].Header.Name, name) {
				next = i
				break
			}
		}
		if next < 0 {
			for _, res := range r.records {
				if sameName(res.Header.Name, name) {
					records = append(records, res)
					name = res.Header.Name
				}
			}
			return name, records, true
		}
		name = r.aliases[next].Body.(*dnsmessage.CNAMEResource).CNAME
	}
	return name, nil, false
}

// sameName compares names as the DNS does, without regard to the case of ASCII
// letters.
func sameName(a, b dnsmessage.Name) bool {
	if a.Length != b.Length {
		return false
	}
	for i, c := range a.Data[:a.Length] {
		if lower(c) != lower(b.Data[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
