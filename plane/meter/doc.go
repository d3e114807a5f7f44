// Package meter counts: histograms of latency, and a Gather that codecs pour
// their figures into and that prints them for Prometheus and as JSON. It keeps
// no registry: what is gone from a plane is gone from its figures. Open
// histogram.go first.
package meter
