package plane

import (
	"nagi.dev/plane/config"
	"nagi.dev/plane/proxy"
	"nagi.dev/plane/redis"
	"nagi.dev/plane/web"
)

// codecs is every protocol that nagi-plane proxy speaks.
var codecs = map[config.Protocol]proxy.Codec{
	config.HTTP:  web.New,
	config.Redis: func(e proxy.Env) proxy.Service { return redis.New(e.Loop, e.Log, e.Listener) },
}
