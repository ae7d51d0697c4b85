package plot

import (
	"math"
	"strconv"
	"strings"
)

// A canvas is the text of a picture in the making. Lengths are in pixels, with y
// downwards, and are written to a tenth.
type canvas struct{ strings.Builder }

func (c *canvas) add(parts ...string) {
	for _, p := range parts {
		c.WriteString(p)
	}
}

// num returns a length as it is written.
func num(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		return "0" // not -0
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// escape returns s as it may stand in an element or an attribute. What XML cannot
// carry at all is shown as a question mark.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return escaper.Replace(s)
}

// text writes s with its base line at y. class says where x is: "e" the end, "m"
// the middle, else the start.
func (c *canvas) text(x, y float64, class, s string) {
	c.add(`<text x="`, num(x), `" y="`, num(y), `"`)
	if class != "" {
		c.add(` class="`, class, `"`)
	}
	c.add(">", escape(s), "</text>\n")
}

// line writes a straight line.
func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.add(`<path class="`, class, `" d="M`, num(x1), " ", num(y1), "L", num(x2), " ", num(y2), `"/>`, "\n")
}

// rect writes a rectangle.
func (c *canvas) rect(class string, x, y, w, h float64, attributes string) {
	c.add(`<rect class="`, class, `" x="`, num(x), `" y="`, num(y), `" width="`, num(w), `" height="`, num(h), `"`, attributes, "/>\n")
}

// box is a rectangle on the canvas.
type box struct{ left, top, right, bottom float64 }

func (b box) width() float64  { return b.right - b.left }
func (b box) height() float64 { return b.bottom - b.top }

// textWidth is how wide s is in the style sheet's small font, about: more rather
// than less.
func textWidth(s string) float64 {
	n := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("ijlt.,:;'|!() ", r):
			n += 3.7
		case strings.ContainsRune("mwMW%", r):
			n += 9.6
		case r >= 'A' && r <= 'Z' || r > 0x2000:
			n += 7.6
		default:
			n += 6.3
		}
	}
	return n
}

// num2 returns a share as it is written, to a hundredth.
func num2(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }
