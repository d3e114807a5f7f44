package redis

import (
	"fmt"
	"io"
	"testing"
)

// BenchmarkMGET asks for 100 keys of three shards.
func BenchmarkMGET(b *testing.B) {
	p, _ := three(b, nil)
	u := dial(b, p.address)
	args := [][]byte{[]byte("MGET")}
	for i := range 100 {
		k := fmt.Sprintf("key:%012d", i*7919)
		args = append(args, []byte(k))
		if i%2 == 0 {
			u.do("SET " + k + " xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
		}
	}
	request := encode(nil, args...)
	_, _ = u.Write(request)
	reply := 7
	_, _ = io.ReadFull(u.r, make([]byte, reply))
	reply = 6 + 50*(5+34) + 50*5
	_, _ = io.ReadFull(u.r, make([]byte, reply-7))
	buf := make([]byte, 16*reply)
	b.ReportAllocs()
	for b.Loop() {
		for range 16 {
			_, _ = u.Write(request)
		}
		if _, err := io.ReadFull(u.r, buf); err != nil {
			b.Fatal(err)
		}
	}
}
