// Package probe checks once whether something answers: a URL, a TCP port or a
// program. It never retries, never uses a proxy and never follows a redirect:
// how often and how long is the kubelet's business. Open probe.go first.
package probe
