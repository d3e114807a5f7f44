package ring

import "strings"

// Name is what twemproxy places a server by that has no name of its own: its
// address, without the port 11211, as libmemcached has it; of a socket the path
// with the colon that stood before the weight.
func Name(address string) string {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return path + ":"
	}
	return strings.TrimSuffix(address, ":11211")
}
