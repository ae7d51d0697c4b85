package wire

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Segments as they stand in RFC 9293, 3.5 and 3.6.
func TestParseNotationOfRFC9293(t *testing.T) {
	tests := []struct {
		notation string
		seq, ack Seq
		flags    TCPFlags
		textLen  int
	}{
		{"<SEQ=100><CTL=SYN>", 100, 0, SYN, 0},
		{"<SEQ=300><ACK=101><CTL=SYN,ACK>", 300, 101, SYN | ACK, 0},
		{"<SEQ=101><ACK=301><CTL=ACK>", 101, 301, ACK, 0},
		{"<SEQ=101><ACK=301><CTL=ACK><DATA>", 101, 301, ACK, TextUnknown},
		{"<SEQ=91><CTL=RST>", 91, 0, RST, 0},
		{"<SEQ=300><ACK=100><DATA=10><CTL=ACK>", 300, 100, ACK, 10}, // figure 11: the other order
		{"<SEQ=100><ACK=300><CTL=FIN,ACK>", 100, 300, FIN | ACK, 0},
		{"<SEQ=0><ACK=0><CTL=RST,ACK>", 0, 0, RST | ACK, 0},
	}
	for _, tt := range tests {
		h, textLen, err := ParseNotation("  " + strings.ReplaceAll(tt.notation, "><", "> <") + " ")
		if err != nil {
			t.Error(err)
			continue
		}
		checkSame(t, h, TCP{Seq: tt.seq, Ack: tt.ack, Flags: tt.flags})
		if textLen != tt.textLen {
			t.Errorf("%s: %d bytes of text, want %d", tt.notation, textLen, tt.textLen)
		}
		if got := h.Notation(textLen); got != tt.notation && tt.textLen != 10 {
			t.Errorf("%s came back as %s", tt.notation, got)
		}
	}
}

func TestNotationVerbose(t *testing.T) {
	tests := []struct {
		h       TCP
		textLen int
		want    string
	}{
		{TCP{Seq: 1, Flags: SYN, Window: 65535, Options: TCPOptions{HasMSS: true, MSS: 1460, HasWindowScale: true, WindowScale: 7,
			SACKPermitted: true, HasTimestamps: true, TSVal: 1, TSEcr: 4294967295}}, 0,
			"<SEQ=1><CTL=SYN><WND=65535><MSS=1460><WS=7><SACKOK><TSVAL=1><TSECR=4294967295>"},
		{TCP{Seq: 4294967295, Ack: 7, Flags: PSH | URG | ACK, Urgent: 3, Options: TCPOptions{NumSACK: 2, SACK: [4]SACKBlock{{200, 300}, {400, 500}}}}, 5,
			"<SEQ=4294967295><ACK=7><CTL=PSH,URG,ACK><DATA=5><WND=0><UP=3><SACK=200-300,400-500>"},
		{TCP{Ack: 7, Flags: ACK | ECE | AE, Options: TCPOptions{AccECN: AccECN{Present: true, Order: 1, Fields: 2, EE1B: 1, ECEB: 16777215}}}, 0,
			"<SEQ=0><ACK=7><CTL=ACK,ECE,AE><WND=0><ACCECN1=1,16777215>"},
		{TCP{Flags: ACK, Options: TCPOptions{AccECN: AccECN{Present: true}}}, 0, "<SEQ=0><ACK=0><CTL=ACK><WND=0><ACCECN0>"},
		{TCP{Flags: URG}, 0, "<SEQ=0><CTL=URG><WND=0><UP=0>"},
		{TCP{Ack: 5}, 0, "<SEQ=0><ACK=5><CTL=><WND=0>"},
	}
	for _, tt := range tests {
		got := tt.h.NotationVerbose(tt.textLen)
		if got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
		h, textLen, err := ParseNotation(got)
		if err != nil || textLen != tt.textLen {
			t.Errorf("%s: %v, %d bytes of text", got, err, textLen)
		}
		checkSame(t, h, tt.h)
	}
}

// drawTCP draws a header with any values, without ports and checksum, which the
// notation leaves out.
func drawTCP(t *rapid.T) TCP {
	u8 := func(label string) uint8 { return rapid.Uint8().Draw(t, label) }
	u16 := func(label string) uint16 { return rapid.Uint16().Draw(t, label) }
	u32 := func(label string) uint32 { return rapid.Uint32().Draw(t, label) }
	flag := func(label string) bool { return rapid.Bool().Draw(t, label) }
	h := TCP{Seq: Seq(u32("seq")), Ack: Seq(u32("ack")), Flags: TCPFlags(u16("flags")) & tcpFlagsMask, Window: u16("window"), Urgent: u16("urgent")}
	o := &h.Options
	if o.HasMSS = flag("has MSS"); o.HasMSS {
		o.MSS = u16("MSS")
	}
	if o.HasWindowScale = flag("has window scale"); o.HasWindowScale {
		o.WindowScale = u8("window scale")
	}
	if o.HasTimestamps = flag("has timestamps"); o.HasTimestamps {
		o.TSVal, o.TSEcr = u32("TSval"), u32("TSecr")
	}
	o.SACKPermitted = flag("SACK permitted")
	if a := &o.AccECN; flag("has AccECN") {
		*a = AccECN{Present: true, Order: u8("order") & 1, Fields: u8("fields") & 3}
		for i, field := range a.fields() {
			if i == int(a.Fields) {
				break
			}
			*field = u32("counter") & (1<<24 - 1)
		}
	}
	o.NumSACK = uint8(rapid.IntRange(0, o.sackBlocks(o.fixedLen())).Draw(t, "blocks"))
	for i := range o.SACK[:o.NumSACK] {
		o.SACK[i] = SACKBlock{Seq(u32("left")), Seq(u32("right"))}
	}
	return h
}

func TestNotationComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawTCP(t)
		textLen := rapid.IntRange(TextUnknown, 1<<31-1).Draw(t, "text")
		s := h.NotationVerbose(textLen)
		got, n, err := ParseNotation(s)
		if err != nil {
			t.Fatal(err)
		}
		if got != h || n != textLen {
			t.Fatalf("%s came back as %s", s, got.NotationVerbose(n))
		}
		if !strings.HasPrefix(s, h.Notation(textLen)) {
			t.Fatalf("%s does not begin with %s", s, h.Notation(textLen))
		}
	})
}

func TestParseNotationErrors(t *testing.T) {
	for s, want := range map[string]string{
		"":                                        "want both <SEQ=n> and <CTL=flags>",
		"<SEQ=1>":                                 "want both",
		"<CTL=SYN>":                               "want both",
		"SEQ=1":                                   "want <FIELD=value> at",
		"<SEQ=1><CTL=SYN> trailing":               `at "trailing"`,
		"<SEQ=1><CTL=SYN":                         `at "<CTL=SYN"`,
		"><SEQ=1>":                                "want <FIELD=value>",
		"<SEQ=Z><CTL=SYN>":                        "field <SEQ=Z>: want a number from 0 to 4294967295",
		"<SEQ=-1><CTL=SYN>":                       "want a number",
		"<SEQ=4294967296><CTL=SYN>":               "want a number",
		"<SEQ><CTL=SYN>":                          "want a number",
		"<SEQ=1><SEQ=2><CTL=SYN>":                 "SEQ twice",
		"<SEQ=1><CTL=SYN,SYN>":                    "at most once",
		"<SEQ=1><CTL=syn>":                        "each of SYN, FIN",
		"<SEQ=1><CTL=SYN,>":                       "each of SYN, FIN",
		"<SEQ=1><CTL=SYN><DATA=x>":                "want a number of bytes, or none",
		"<SEQ=1><CTL=SYN><DATA=-1>":               "want a number of bytes",
		"<SEQ=1><CTL=><WND=65536>":                "from 0 to 65535",
		"<SEQ=1><CTL=><WS=256>":                   "from 0 to 255",
		"<SEQ=1><CTL=><SACKOK=1>":                 "want no value",
		"<SEQ=1><CTL=><TSVAL=1>":                  "together",
		"<SEQ=1><CTL=><SACK=1>":                   "want 1 to 4 blocks",
		"<SEQ=1><CTL=><SACK=1-x>":                 "want 1 to 4 blocks",
		"<SEQ=1><CTL=><SACK=>":                    "want 1 to 4 blocks",
		"<SEQ=1><CTL=><WINDOW=1>":                 "want one of SEQ, ACK",
		"<SEQ=1><CTL=><SACK=1-2,1-2,1-2,1-2,1-2>": "want 1 to 4 blocks",
	} {
		h, n, err := ParseNotation(s)
		if err == nil {
			t.Errorf("%q: no error", s)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q in it", s, err, want)
		}
		if h != (TCP{}) || n != 0 {
			t.Errorf("%q: a header beside the error", s)
		}
	}
}
