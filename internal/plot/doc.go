// Package plot writes pictures of measurements as SVG: charts over time or over
// another quantity, bars in groups, tables with coloured cells. A Figure is some of
// them below each other. It has the command's picture of a connection, the grid of
// congestion controls and the benchmarks as its users.
//
// The same figure gives the same bytes on each machine, so that pictures are kept as
// golden files. Colours follow the reader's light or dark scheme. Numbers that are no
// numbers are left out.
package plot
