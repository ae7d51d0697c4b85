package report

import (
	"math"
	"slices"
)

// Median returns the one in the middle; of an even number, the mean of the two. NaN
// for none.
func Median(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(all))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// Quantile returns the smallest number that at least that share of all does not
// exceed; NaN for none.
func Quantile(all []float64, share float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(all))
	return s[max(0, int(math.Ceil(share*float64(len(s))))-1)]
}
