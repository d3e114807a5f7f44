package http1

// A Kind is a field that proxies care for.
type Kind uint8

// The kinds. What is none of them passes as it is.
const (
	other Kind = iota
	Host
	ContentLength
	TransferEncoding
	Connection
	KeepAlive
	ProxyConnection
	TE
	Trailer
	Upgrade
	Expect
	Forwarded
	XForwardedFor
	XForwardedProto
	XForwardedHost
	Traceparent
	Cookie
	Via
	DatadogTrace
)

// kindOf looks a name up by its length first: most names end there.
func kindOf(name []byte) Kind {
	switch len(name) {
	case 2:
		return is(name, "te", TE)
	case 3:
		return is(name, "via", Via)
	case 4:
		return is(name, "host", Host)
	case 6:
		if k := is(name, "expect", Expect); k != other {
			return k
		}
		return is(name, "cookie", Cookie)
	case 7:
		if k := is(name, "upgrade", Upgrade); k != other {
			return k
		}
		return is(name, "trailer", Trailer)
	case 9:
		return is(name, "forwarded", Forwarded)
	case 10:
		if k := is(name, "connection", Connection); k != other {
			return k
		}
		return is(name, "keep-alive", KeepAlive)
	case 11:
		return is(name, "traceparent", Traceparent)
	case 14:
		return is(name, "content-length", ContentLength)
	case 15:
		return is(name, "x-forwarded-for", XForwardedFor)
	case 16:
		return is(name, "proxy-connection", ProxyConnection) | is(name, "x-forwarded-host", XForwardedHost)
	case 17:
		return is(name, "transfer-encoding", TransferEncoding) | is(name, "x-forwarded-proto", XForwardedProto)
	case 18:
		return is(name, "x-datadog-trace-id", DatadogTrace)
	}
	return other
}

func is(name []byte, lower string, k Kind) Kind {
	if EqualFold(name, lower) {
		return k
	}
	return other
}

// EqualFold compares with a text in lower case, ASCII only.
func EqualFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
