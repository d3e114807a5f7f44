package main

// A skip leaves out tests that cannot run here, and says why.
type skip struct{ tests, reason string }

var skips = []skip{
	{`\[Disruptive\]`, "they end what all other tests need"},
	{`should have at least two untainted nodes`, "a server is one node"},
	{`Aggregator Should be able to support the 1.17 Sample API Server`, "its image is a foreign program: sample-apiserver"},
}
