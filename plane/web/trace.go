package web

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"nagi.dev/plane/http1"
)

// appendTrace appends a traceparent (W3C Trace Context) to a request that
// belongs to no trace yet. What is there, also Datadog's own fields, is carried
// on as it came.
func appendTrace(dst []byte, h *http1.Head) []byte {
	if _, ok := h.Has(http1.Traceparent); ok {
		return dst
	}
	if _, ok := h.Has(http1.DatadogTrace); ok {
		return dst
	}
	dst = append(dst, "Traceparent: "...)
	return append(appendTraceparent(dst), "\r\n"...)
}

func appendTraceparent(dst []byte) []byte {
	var id [24]byte
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], rand.Uint64()|1) // all zeros are not allowed
	}
	dst = hex.AppendEncode(append(dst, "00-"...), id[:16])
	dst = hex.AppendEncode(append(dst, '-'), id[16:])
	return append(dst, "-01"...)
}
