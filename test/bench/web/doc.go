// web measures the plane's HTTP router beside nginx, haproxy and
// httputil.ReverseProxy in one run, alternating, over one origin:
//
//	go run ./test/bench/web [-rounds 3] [-seconds 3] [-plane bin/nagi-plane]
//
// Everything shares the machine's processors, so that the processor time of the
// proxy for 100,000 requests is the figure that isolates it. It never judges.
// Open main.go, then peers.go.
package main
