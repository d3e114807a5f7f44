package ring

import (
	"crypto/md5"
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// hashes are twemproxy's, by its names, and xxh64. Their quirks are part of the
// placement of data that exists:
//   - C's char has a sign: a byte above 127 counts as a negative number in
//     one_at_a_time, the fnv family and the last byte of hsieh;
//   - fnv1_64 and fnv1a_64 keep their lower half;
//   - crc16 is not cut to 16 bits, crc32 keeps 15 bits of its upper half.
var hashes = map[string]func([]byte) uint32{
	"one_at_a_time": oneAtATime,
	"md5":           func(p []byte) uint32 { d := md5.Sum(p); return binary.LittleEndian.Uint32(d[:]) },
	"crc16":         crc16,
	"crc32":         func(p []byte) uint32 { return crc32.ChecksumIEEE(p) >> 16 & 0x7fff },
	"crc32a":        crc32.ChecksumIEEE,
	"fnv1_64":       fnv1x64,
	"fnv1a_64":      fnv1ax64,
	"fnv1_32":       fnv1x32,
	"fnv1a_32":      fnv1ax32,
	"hsieh":         hsieh,
	"murmur":        murmur,
	"jenkins":       jenkins,
	"xxh64":         func(p []byte) uint32 { return uint32(xxhash.Sum64(p)) },
}

// signed is a byte as C's char widens it on x86.
func signed(b byte) uint32 { return uint32(int32(int8(b))) }

func oneAtATime(p []byte) (h uint32) {
	for _, b := range p {
		h += signed(b)
		h += h << 10
		h ^= h >> 6
	}
	h += h << 3
	h ^= h >> 11
	return h + h<<15
}

// The lower halves of FNV's 64-bit numbers: a product's lower half needs no more.
const (
	basis64 = 0x84222325
	prime64 = 0x1b3
	basis32 = 2166136261
	prime32 = 16777619
)

func fnv1x64(p []byte) uint32 {
	h := uint32(basis64)
	for _, b := range p {
		h = h*prime64 ^ signed(b)
	}
	return h
}

func fnv1ax64(p []byte) uint32 {
	h := uint32(basis64)
	for _, b := range p {
		h = (h ^ signed(b)) * prime64
	}
	return h
}

func fnv1x32(p []byte) uint32 {
	h := uint32(basis32)
	for _, b := range p {
		h = h*prime32 ^ signed(b)
	}
	return h
}

func fnv1ax32(p []byte) uint32 {
	h := uint32(basis32)
	for _, b := range p {
		h = (h ^ signed(b)) * prime32
	}
	return h
}

// crc16table is that of the polynomial 0x1021.
var crc16table = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 8
		for range 8 {
			if c <<= 1; c&0x10000 != 0 {
				c ^= 0x11021
			}
		}
		t[i] = c
	}
	return t
}()

func crc16(p []byte) (h uint32) {
	for _, b := range p {
		h = h<<8 ^ crc16table[byte(h>>8)^b]
	}
	return h
}

func hsieh(p []byte) (h uint32) {
	half := func(p []byte) uint32 { return uint32(binary.LittleEndian.Uint16(p)) }
	for ; len(p) >= 4; p = p[4:] {
		h += half(p)
		h = h<<16 ^ half(p[2:])<<11 ^ h
		h += h >> 11
	}
	switch len(p) {
	case 3:
		h += half(p)
		h ^= h << 16
		h ^= signed(p[2]) << 18
		h += h >> 11
	case 2:
		h += half(p)
		h ^= h << 11
		h += h >> 17
	case 1:
		h += uint32(p[0])
		h ^= h << 10
		h += h >> 1
	}
	h ^= h << 3
	h += h >> 5
	h ^= h << 4
	h += h >> 17
	h ^= h << 25
	return h + h>>6
}

// murmur is the second version, with a seed made of the length.
func murmur(p []byte) uint32 {
	const m = 0x5bd1e995
	n := uint32(len(p))
	h := n*0xdeadbeef ^ n
	for ; len(p) >= 4; p = p[4:] {
		k := binary.LittleEndian.Uint32(p) * m
		k = (k ^ k>>24) * m
		h = h*m ^ k
	}
	if len(p) > 0 {
		h = (h ^ tail(p)) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// tail is a number of up to four bytes.
func tail(p []byte) (v uint32) {
	for i := min(len(p), 4) - 1; i >= 0; i-- {
		v = v<<8 | uint32(p[i])
	}
	return v
}

// jenkins is lookup3's hashlittle with 13 as its start.
func jenkins(p []byte) uint32 {
	a := 0xdeadbeef + uint32(len(p)) + 13
	b, c := a, a
	add := func(p []byte) {
		a += tail(p)
		b += tail(p[min(len(p), 4):])
		c += tail(p[min(len(p), 8):])
	}
	for ; len(p) > 12; p = p[12:] {
		add(p)
		a, c = (a-c)^bits.RotateLeft32(c, 4), c+b
		b, a = (b-a)^bits.RotateLeft32(a, 6), a+c
		c, b = (c-b)^bits.RotateLeft32(b, 8), b+a
		a, c = (a-c)^bits.RotateLeft32(c, 16), c+b
		b, a = (b-a)^bits.RotateLeft32(a, 19), a+c
		c, b = (c-b)^bits.RotateLeft32(b, 4), b+a
	}
	if len(p) == 0 {
		return c
	}
	add(p)
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	return (c ^ b) - bits.RotateLeft32(b, 24)
}
