package plot

// Color is one of the colours that light and dark pages show alike.
type Color uint8

// The colours. Auto gives each series of a panel one that those before it have not.
const (
	Auto Color = iota
	Blue
	Orange
	Green
	Purple
	Cyan
	Pink
	Red // for what went wrong: not among those that Auto gives
	Grey
	numColors
)

// autoColors are those that Auto gives, in turn.
var autoColors = [...]Color{Blue, Orange, Green, Purple, Cyan, Pink}

// nth returns c, or if it is Auto the colour of the i-th series.
func (c Color) nth(i int) Color {
	if c == Auto || c >= numColors {
		return autoColors[i%len(autoColors)]
	}
	return c
}

// stroke and fill are the classes of the colour in the style sheet.
func (c Color) stroke() string { return "s" + string('0'+byte(c)) }
func (c Color) fill() string   { return "f" + string('0'+byte(c)) }

// colors has each colour on a light and on a dark page.
var colors = [numColors][2]string{
	Blue:   {"#1d5fd1", "#6aa5ff"},
	Orange: {"#c25e00", "#f5a54a"},
	Green:  {"#16803c", "#4fcf83"},
	Purple: {"#7c3aad", "#c79bf2"},
	Cyan:   {"#0b7f94", "#45cbe0"},
	Pink:   {"#b52a78", "#f58ac4"},
	Red:    {"#d41f2c", "#ff6b6b"},
	Grey:   {"#7d838c", "#99a1ab"},
}

// page is the background, text, faint text, axis and grid.
var page = [...]struct{ selector, property, light, dark string }{
	{".bg", "fill", "#ffffff", "#0d1117"},
	{"text", "fill", "#1f2328", "#e6edf3"},
	{".n", "fill", "#59636e", "#9198a1"},
	{".x", "stroke", "#818b98", "#656c76"},
	{".w", "stroke", "#e2e6ea", "#22272e"},
}

// style writes the style sheet. Class names are short, for a picture may have
// thousands of elements.
func (c *canvas) style() {
	c.add("<style>text{font:11px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}" +
		".t{font-size:16px;font-weight:600}.p{font-size:12px;font-weight:600}.e{text-anchor:end}.m{text-anchor:middle}" +
		".l{fill:none;stroke-width:1.5;stroke-linejoin:round}.o{fill:none;stroke-width:3.6;stroke-linecap:round}.l.i{stroke-width:1}.l.b{stroke-width:3}.o.i{stroke-width:2.4}.x,.w{fill:none;stroke-width:1}.h{stroke-dasharray:5 3}\n")
	c.scheme(0)
	c.add("@media(prefers-color-scheme:dark){")
	c.scheme(1)
	c.add("}</style>\n")
}

// scheme writes the colours: i is 0 for a light page, 1 for a dark one.
func (c *canvas) scheme(i int) {
	for _, p := range page {
		c.add(p.selector, "{", p.property, ":", [2]string{p.light, p.dark}[i], "}")
	}
	for color := Blue; color < numColors; color++ {
		c.add(".", color.stroke(), "{stroke:", colors[color][i], "}.", color.fill(), "{fill:", colors[color][i], "}")
	}
	c.add("\n")
}
