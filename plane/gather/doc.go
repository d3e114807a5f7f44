// Package gather makes one answer of the answers of many leaves: it concatenates,
// picks the best, sums or merges deeply, and says how much of the data has
// answered. It is pure. Open gather.go first.
package gather
