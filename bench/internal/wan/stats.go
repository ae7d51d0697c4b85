package wan

import (
	"math"
	"slices"
)

// median returns the one in the middle; of an even number, the mean of the two. NaN
// for none.
func median(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(all))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// quantile returns the smallest number that at least that share of all does not
// exceed; NaN for none.
func quantile(all []float64, share float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(all))
	return s[max(0, int(math.Ceil(share*float64(len(s))))-1)]
}

// geometricMean returns the n-th root of the product; NaN for none.
func geometricMean(all []float64) float64 {
	sum := 0.0
	for _, x := range all {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(all)))
}

// jain is Jain's index of fairness: 1 when all are equal, 1/n when one has all.
func jain(all []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, x := range all {
		sum += x
		squares += x * x
	}
	return sum * sum / (float64(len(all)) * squares)
}
