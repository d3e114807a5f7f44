package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A table lines up columns with two spaces between them. The last column runs
// to the edge of a terminal and is cut there.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table; it writes nothing when there is no row.
func (t *table) print(w io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	rows := append([][]string{t.head}, t.rows...)
	widths := make([]int, len(t.head))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	limit := 0
	if terminal(w) {
		limit = width(w)
	}
	for _, r := range rows {
		fmt.Fprintln(w, cut(line(r, widths), limit))
	}
}

func line(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString(cell)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// cut shortens s to limit runes; 0 means no limit.
func cut(s string, limit int) string {
	if limit <= 0 || utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// oneLine makes text fit into a cell.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// glance bounds a reason, in runes, where one looks over many.
const glance = 120

// dash stands for nothing.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
