package cli

import "strings"

// maxDiffLines bounds the lines that lineDiff compares one with another.
const maxDiffLines = 4000

// around is how many lines are shown on each side of a change.
const around = 2

// lineDiff returns the lines that differ between two texts, with a sign before
// each and a few lines around them; "…" stands for what is left out.
func lineDiff(was, now string) []string {
	a, b := strings.Split(strings.TrimRight(was, "\n"), "\n"), strings.Split(strings.TrimRight(now, "\n"), "\n")
	begin := 0
	for begin < len(a) && begin < len(b) && a[begin] == b[begin] {
		begin++
	}
	end := 0
	for end < len(a)-begin && end < len(b)-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	all := signed("  ", a[:begin])
	all = append(all, middle(a[begin:len(a)-end], b[begin:len(b)-end])...)
	return shortened(append(all, signed("  ", a[len(a)-end:])...))
}

// middle compares what is not alike at both ends: by their longest common
// subsequence, or all of it where that would take too long.
func middle(a, b []string) []string {
	if len(a) > maxDiffLines || len(b) > maxDiffLines {
		return append(signed("- ", a), signed("+ ", b)...)
	}
	common := make([][]uint16, len(a)+1)
	for i := range common {
		common[i] = make([]uint16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, "  "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}

func signed(sign string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = sign + l
	}
	return out
}

// shortened leaves out what is far from every change.
func shortened(lines []string) []string {
	near := make([]bool, len(lines))
	for i, l := range lines {
		if !strings.HasPrefix(l, "  ") {
			for j := max(0, i-around); j <= min(len(lines)-1, i+around); j++ {
				near[j] = true
			}
		}
	}
	var out []string
	for i, l := range lines {
		switch {
		case near[i]:
			out = append(out, l)
		case i == 0 || near[i-1]:
			out = append(out, "  …")
		}
	}
	return out
}
