package plane

import (
	"nagi.dev/plane/config"
	"nagi.dev/plane/proxy"
)

// codecs is every protocol that nagi-plane proxy speaks.
var codecs = map[config.Protocol]proxy.Codec{}
