package plot

import (
	"math"
	"strconv"
)

// Unit is what the values of an axis are counted in. The axis is written with the
// prefix that suits them.
type Unit uint8

const (
	None          Unit = iota
	Seconds            // values in seconds: shown in s, ms or us
	Bytes              // in bytes: B, kB, MB, GB, of thousands
	BitsPerSecond      // in bits per second: bit/s, kbit/s, Mbit/s, Gbit/s
	Share              // from 0 to 1: per cent
)

// scaled returns the name and the size of the unit in which values up to top are
// shown.
func (u Unit) scaled(top float64) (name string, size float64) {
	type step struct {
		name string
		size float64
	}
	var steps []step // from the largest on
	switch u {
	case Seconds:
		steps = []step{{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}}
	case Bytes:
		steps = []step{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}
	case BitsPerSecond:
		steps = []step{{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1}}
	case Share:
		return "%", 0.01
	default:
		return "", 1
	}
	for _, s := range steps {
		if top >= s.size {
			return s.name, s.size
		}
	}
	last := steps[len(steps)-1]
	return last.name, last.size
}

// An Axis is one direction of a chart.
type Axis struct {
	Label    string // what it counts, without the unit
	Unit     Unit
	Min, Max float64 // both 0: what the values need, on a linear y axis with 0
	Log      bool    // logarithmic: values must be positive, others are left out
	Ticks    []Tick  // instead of those that suit the values
}

// A Tick is a labelled value.
type Tick struct {
	At    float64
	Label string
}

// scale places values of an axis on the canvas.
type scale struct {
	log      bool
	min, max float64 // logarithms if log
	from, to float64 // pixels
	label    string  // with its unit
	ticks    []Tick
}

// farOut is where on the canvas, in pixels, what lies farther away is put.
const farOut = 1e5

// place returns where v belongs, false if that is nowhere.
func (s *scale) place(v float64) (float64, bool) {
	if s.log {
		if v <= 0 {
			return 0, false
		}
		v = math.Log10(v)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	// The conversions keep machines that can from fusing the operations, which would
	// round otherwise.
	at := s.from + float64(float64((v-s.min)/(s.max-s.min))*(s.to-s.from))
	if math.IsNaN(at) {
		return 0, false
	}
	return min(max(at, -farOut), farOut), true
}

// scale returns the scale of an axis over values from lo to hi, with about n ticks.
func (a *Axis) scale(lo, hi, from, to float64, n int) scale {
	if a.Min != 0 || a.Max != 0 {
		lo, hi = a.Min, a.Max
	}
	if lo > hi || math.IsNaN(lo) || math.IsInf(lo, 0) || math.IsInf(hi, 0) { // there are no values
		lo, hi = 0, 1
		if a.Log {
			lo = 0.1
		}
	}
	s := scale{log: a.Log, from: from, to: to}
	name, size := a.Unit.scaled(max(math.Abs(lo), math.Abs(hi)))
	if s.label = a.Label; name != "" {
		if s.label != "" {
			s.label += ", "
		}
		s.label += name
	}
	if a.Log {
		s.min, s.max = math.Log10(lo), math.Log10(hi)
		if s.max-s.min < 1e-9 {
			s.min, s.max = s.min-0.5, s.max+0.5
		}
		if s.ticks = logTicks(s.min, s.max, size); len(s.ticks) < 2 {
			s.ticks = ticks(math.Pow(10, s.min), math.Pow(10, s.max), n, size)
		}
	} else {
		if hi-lo <= 1e-12*max(math.Abs(lo), math.Abs(hi)) {
			lo, hi = lo-size/2, hi+size/2
		}
		s.min, s.max = lo, hi
		s.ticks = ticks(lo, hi, n, size)
	}
	if a.Ticks != nil {
		s.ticks = a.Ticks
	}
	return s
}

// ticks returns about n round values from lo to hi, labelled in units of size.
func ticks(lo, hi float64, n int, size float64) (list []Tick) {
	lo, hi = lo/size, hi/size
	raw := (hi - lo) / float64(max(n, 1))
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, f := range []float64{1, 2, 5} {
		if f*power >= raw*0.999 {
			step = f * power
			break
		}
	}
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9; i++ {
		label := strconv.FormatFloat(i*step, 'f', digits, 64)
		if i == 0 {
			label = "0"
		}
		list = append(list, Tick{i * step * size, label})
	}
	return list
}

// logTicks returns powers of ten between the given logarithms, and twice and five
// times those where there are few.
func logTicks(lo, hi, size float64) (list []Tick) {
	factors := []float64{1}
	if hi-lo < 2.5 {
		factors = []float64{1, 2, 5}
	}
	const most = 12 // powers
	for e := math.Floor(lo); e <= hi; e += max(1, math.Ceil((hi-lo)/most)) {
		for _, f := range factors {
			v := f * math.Pow(10, e)
			if l := math.Log10(v); l >= lo-1e-9 && l <= hi+1e-9 {
				list = append(list, Tick{v, strconv.FormatFloat(v/size, 'g', 6, 64)})
			}
		}
	}
	return list
}
