package wire

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSeqOrder(t *testing.T) {
	tests := []struct {
		s, t Seq
		less bool
	}{
		{0, 1, true}, {1, 0, false}, {5, 5, false},
		{0xffffffff, 0, true}, {0, 0xffffffff, false},
		{0xfffffff0, 0x10, true}, {0x7fffffff, 0x80000000, true},
		{0, 0x7fffffff, true}, {1, 0x80000000, true},
	}
	for _, tt := range tests {
		if got := tt.s.Less(tt.t); got != tt.less {
			t.Errorf("%d.Less(%d) = %v", tt.s, tt.t, got)
		}
		if got, want := tt.s.LessEq(tt.t), tt.less || tt.s == tt.t; got != want {
			t.Errorf("%d.LessEq(%d) = %v", tt.s, tt.t, got)
		}
	}
}

func TestSeqArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Seq(rapid.Uint32().Draw(t, "s"))
		n := rapid.IntRange(-1<<31, 1<<31-1).Draw(t, "n")
		u := s.Add(n)
		if u.Sub(s) != n {
			t.Fatalf("%d.Add(%d).Sub = %d", s, n, u.Sub(s))
		}
		if n > 0 && (!s.Less(u) || s.Max(u) != u || s.Min(u) != s) {
			t.Fatalf("%d and %d, %d bytes behind it, are out of order", s, u, n)
		}
		if n < 0 && n > -1<<31 && (!u.Less(s) || s.Max(u) != s || s.Min(u) != u) {
			t.Fatalf("%d and %d, %d bytes before it, are out of order", s, u, -n)
		}
	})
}
