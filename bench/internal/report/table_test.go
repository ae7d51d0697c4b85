package report

import "testing"

func TestNumber(t *testing.T) {
	for want, x := range map[string]float64{
		"0.00": 0, "0.12": 0.123, "12.3": 12.34, "1235": 1234.56,
		"-0.12": -0.123, "-12.3": -12.34, "-1235": -1234.56,
	} {
		if got := Number(x); got != want {
			t.Errorf("%v is written %s, want %s", x, got, want)
		}
	}
}
