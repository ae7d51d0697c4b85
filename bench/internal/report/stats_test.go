package report

import (
	"math"
	"testing"
)

func TestStatistics(t *testing.T) {
	all := []float64{5, 1, 4, 2}
	for name, x := range map[string][2]float64{
		"median of four":  {Median(all), 3},
		"median of three": {Median(all[:3]), 4},
		"least":           {Quantile(all, 0), 1},
		"a quarter":       {Quantile(all, 0.25), 1},
		"more":            {Quantile(all, 0.26), 2},
		"all":             {Quantile(all, 1), 5},
	} {
		if x[0] != x[1] {
			t.Errorf("%s: %v, want %v", name, x[0], x[1])
		}
	}
	if all[0] != 5 {
		t.Error("the numbers were sorted in place")
	}
	for _, x := range []float64{Median(nil), Quantile(nil, 0.5)} {
		if !math.IsNaN(x) {
			t.Errorf("of nothing: %v", x)
		}
	}
}
