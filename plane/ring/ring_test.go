package ring

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func members(n int) (all []Member) {
	for i := range n {
		all = append(all, Member{Name: fmt.Sprint("shard-", i)})
	}
	return all
}

func ringOf(t testing.TB, m []Member, algorithm, hash string) *Ring {
	t.Helper()
	r, err := New(m, Options{Algorithm: algorithm, Hash: hash, Chance: rand.Uint64})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func key(i int) []byte { return fmt.Append(nil, "user:", i) }

func TestFewKeysMoveWhenAMemberComes(t *testing.T) {
	for _, tt := range []struct {
		algorithm, hash string
		most            float64 // of all keys; a quarter is the least
	}{
		{"ketama", "fnv1a_64", .31},
		{"ketama", "xxh64", .31},
		{"maglev", "xxh64", .30},
		{"jump", "xxh64", .26},
		{"jump", "fnv1a_64", .26},
	} {
		t.Run(tt.algorithm+" "+tt.hash, func(t *testing.T) {
			three, four := ringOf(t, members(3), tt.algorithm, tt.hash), ringOf(t, members(4), tt.algorithm, tt.hash)
			moved := 0
			for i := range 50_000 {
				if three.Place(key(i)) != four.Place(key(i)) {
					moved++
				}
			}
			if share := float64(moved) / 50_000; share > tt.most || share < .19 {
				t.Errorf("%.3f of the keys moved", share)
			}
		})
	}
}

func TestWeightsCount(t *testing.T) {
	m := members(3)
	m[1].Weight = 2
	for _, a := range []string{"ketama", "modula", "maglev", "jump"} {
		r := ringOf(t, m, a, "xxh64")
		counts := make([]int, 3)
		for i := range 40_000 {
			counts[r.Place(key(i))]++
		}
		if counts[1] < 17_000 || counts[1] > 23_000 {
			t.Errorf("%s: the heavy one of three got %d of 40000", a, counts[1])
		}
	}
}

func TestOnlyTheKeysOfAMemberThatIsOutMove(t *testing.T) {
	for _, a := range []string{"ketama", "maglev", "jump"} {
		m := members(4)
		before := ringOf(t, m, a, "xxh64")
		m[2].Out = true
		after := ringOf(t, m, a, "xxh64")
		moved := 0
		for i := range 20_000 {
			x, y := before.Place(key(i)), after.Place(key(i))
			if y == 2 {
				t.Fatalf("%s: a key belongs to the one that is out", a)
			}
			if x != 2 && x != y {
				moved++
			}
		}
		if moved > 1200 { // maglev disturbs a few
			t.Errorf("%s: %d keys of others moved", a, moved)
		}
	}
}

func TestWhereNobodyIsAKeyHasNoPlace(t *testing.T) {
	for _, a := range []string{"ketama", "modula", "random", "maglev", "jump"} {
		m := members(2)
		m[0].Out, m[1].Out = true, true
		if got := ringOf(t, m, a, "").Place(key(1)); got != -1 {
			t.Errorf("%s: all are out: got %d", a, got)
		}
		if got := ringOf(t, nil, a, "").Place(key(1)); got != -1 {
			t.Errorf("%s: nobody: got %d", a, got)
		}
	}
}

func TestAKeyIsPassedOnInOrder(t *testing.T) {
	for _, a := range []string{"ketama", "modula", "maglev", "jump"} {
		r := ringOf(t, members(5), a, "xxh64")
		for i := range 200 {
			var asked []int
			got := r.PlaceWhere(key(i), func(m int) bool { asked = append(asked, m); return len(asked) == 4 })
			if len(asked) != 4 || got != asked[3] || asked[0] != r.Place(key(i)) {
				t.Fatalf("%s: asked %v, got %d", a, asked, got)
			}
			if got := r.PlaceWhere(key(i), func(int) bool { return false }); got != asked[0] {
				t.Fatalf("%s: nobody takes it: got %d, want %d", a, got, asked[0])
			}
		}
	}
}

func TestOnlyWhatStandsInTheTagPlacesAKey(t *testing.T) {
	r, err := New(members(3), Options{Algorithm: "ketama", Tag: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ key, same string }{
		{"a{tag}b", "tag"},
		{"{tag}{other}", "tag"},
		{"a{}b", "a{}b"},
		{"a{b", "a{b"},
		{"}a{b}", "b"},
	} {
		if got := r.Key([]byte(tt.key)); string(got) != tt.same {
			t.Errorf("%q is placed by %q, want %q", tt.key, got, tt.same)
		}
	}
}

func TestFaultsAreNamed(t *testing.T) {
	for _, o := range []Options{{Algorithm: "x"}, {Algorithm: "ketama", Hash: "x"}, {Algorithm: "ketama", Tag: "x"}, {Algorithm: "random"}} {
		if _, err := New(members(2), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestBoundedLoad(t *testing.T) {
	for _, tt := range []struct {
		name            string
		load, total     int
		factor          float64
		weight, weights int
		want            bool
	}{
		{"no bound", 1000, 1000, 0, 1, 2, true},
		{"the mean has room", 10, 20, 1.25, 1, 2, true},
		{"a quarter above the mean has none", 14, 20, 1.25, 1, 2, false},
		{"a heavy one may have more", 14, 20, 1.25, 2, 3, true},
		{"an idle one has room", 0, 0, 1, 1, 3, true},
	} {
		if got := Room(tt.load, tt.total, tt.factor, tt.weight, tt.weights); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func FuzzPlace(f *testing.F) {
	f.Add([]byte("key"), uint8(3))
	var rings [][]*Ring
	for n := range 6 {
		var of []*Ring
		for hash := range hashes {
			for _, a := range []string{"ketama", "modula", "maglev", "jump", "random"} {
				of = append(of, ringOf(f, members(n), a, hash))
			}
		}
		rings = append(rings, of)
	}
	f.Fuzz(func(t *testing.T, key []byte, n uint8) {
		for _, r := range rings[int(n)%len(rings)] {
			if m := r.Place(key); m < -1 || m >= r.members || m < 0 && r.members > 0 {
				t.Fatalf("%q belongs to %d of %d", key, m, r.members)
			}
		}
	})
}

func BenchmarkPlace(b *testing.B) {
	for _, hash := range []string{"fnv1a_64", "murmur", "xxh64", "md5"} {
		r := ringOf(b, members(3), "ketama", hash)
		k := []byte("key:000000012345")
		b.Run(hash, func(b *testing.B) {
			for b.Loop() {
				r.Place(k)
			}
		})
	}
}
