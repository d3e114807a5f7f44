package compose

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const sound = "services:\n  web:\n    image: nginx\n"

func TestFilesThatNoOneWroteAreRefusedAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string
		want string
	}{
		{"ten megabytes of comment", sound + strings.Repeat("# padding\n", 1<<20), "compose.yaml: is larger than 4 MiB, the most a compose file may have"},
		{"ten megabytes in one line", strings.Repeat("a", 10<<20), "compose.yaml: is larger than 4 MiB, the most a compose file may have"},
		{"a million values", "x-a: [" + strings.Repeat("1,", 1_000_000) + "1]\n" + sound, "compose.yaml: has more than 300000 lines and values"},
		{"more values than a project may have", "x-a:\n" + strings.Repeat("  - x\n", 110_000) + sound, "compose.yaml:2: has more than 100000 values once its aliases are written out"},
		{"ten thousand open brackets", strings.Repeat("[", 10_001), "compose.yaml:1: not YAML: exceeded max depth of 10000"},
		{"deep mappings", deep(100) + sound, "compose.yaml:65: is nested more than 64 levels deep"},
		{"text in Latin-1", sound + "# caf\xe9\n", "compose.yaml:4: is not UTF-8 text; save it as UTF-8"},
		{"text in UTF-16", "\xff\xfes\x00e\x00r\x00", "compose.yaml:1: is not UTF-8 text; save it as UTF-8"},
		{"a zero byte", sound + "x-a: \"\x00\"\n", "compose.yaml:4: not YAML: control characters are not allowed"},
		{"nothing but space", " \n\n ", "compose.yaml: is empty"},
		{"nothing but comments", "# services\n", "compose.yaml: is empty"},
		{"a thousand services that extend each other", chain(999), "compose.yaml:65: services.s63.extends: more than 64 services extend each other"},
		{"two thousand services", chain(2000), "compose.yaml:1002: services.s1000: is one more than the 1000 services that a project may have"},
		{"thousands of published ports", sound + "    ports:\n" + each(20_000, "      - \"%d:80\"\n"), "compose.yaml:5: services.web.ports: has more than 1000 entries"},
		{"thousands of variables", sound + "    environment:\n" + each(20_000, "      K%d: v\n"), "compose.yaml:5: services.web.environment: has more than 1000 entries"},
		{"a command of thousands of words", sound + "    command: \"" + strings.Repeat("a ", 20_000) + "\"\n", "compose.yaml:4: services.web.command: has 20000 words; a command may have 1000"},
		{"an argument that no program takes", sound + "    hostname: " + strings.Repeat("a", 200<<10) + "\n", "compose.yaml:4: services.web.hostname: is longer than 128 KiB, the most that a program can be given"},
		{"variables that take long to fill in", sound + "    hostname: \"" + strings.Repeat("${A:-b} ", 5000) + "\"\n", "compose.yaml:4: services.web.hostname: has too many variables, or too many in one long line"},
		{"thousands of volumes", sound + "    volumes:\n" + each(20_000, "      - a%d:/b\n"), "compose.yaml:5: services.web.volumes: has more than 1000 entries"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "compose.yaml", tt.text)
			if got := loadBroken(t, LoadOptions{WorkDir: dir}); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func each(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "x-a:\n")
	}
	return b.String()
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString("services:\n")
	for i := range n {
		fmt.Fprintf(&b, "  s%d: {extends: s%d}\n", i, i+1)
	}
	fmt.Fprintf(&b, "  s%d: {tty: true}\n", n)
	return b.String()
}

func TestWhatIsNotAFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ file, want string }{
		"a folder":       {"folder", "folder: is a folder; name the file in it"},
		"no file at all": {"none.yaml", "none.yaml: no such file"},
		"a device":       {"/dev/zero", "/dev/zero: is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := loadBroken(t, LoadOptions{WorkDir: dir, Files: []string{tt.file}}); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestABombCostsLittleMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	loadBroken(t, LoadOptions{WorkDir: "testdata/broken", Files: []string{"bomb.yaml"}})
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 32<<20 {
		t.Errorf("a file of 1 KiB cost %d MiB", spent>>20)
	}
}

// twenty is a project of twenty services as people write them.
func twenty() []byte {
	var b bytes.Buffer
	b.WriteString("services:\n")
	for i := range 20 {
		fmt.Fprintf(&b, `  service%[1]d:
    image: registry.example.com/team/service%[1]d:${TAG:-latest}
    command: ["serve", "--port", "80%[1]d"]
    environment:
      A: ${A:-a}
      B: b
      DATABASE_URL: postgres://user:password@db:5432/app
    ports: ["%[2]d:80"]
    depends_on:
      service%[3]d: {condition: service_healthy}
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost/"]
      interval: 10s
    volumes: ["data%[1]d:/data"]
    deploy:
      resources:
        limits: {memory: 512m, cpus: "0.5"}
`, i, 8000+i, i+1)
	}
	b.WriteString("  service20: {image: nginx}\nvolumes:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  data%d:\n", i)
	}
	return b.Bytes()
}

func TestTwentyServicesLoadInATenthOfASecond(t *testing.T) {
	o := LoadOptions{Files: []string{"-"}, WorkDir: t.TempDir(), Environ: []string{}, Name: "x"}
	best := time.Hour
	for range 3 { // the first reads the schema and warms up
		o.Stdin = bytes.NewReader(twenty())
		start := processorTime(t)
		p, err := Load(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		Check(p)
		best = min(best, processorTime(t)-start)
	}
	if best > 100*time.Millisecond {
		t.Errorf("it took %s", best)
	}
}

func BenchmarkLoadTwentyServices(b *testing.B) {
	o := LoadOptions{Files: []string{"-"}, WorkDir: b.TempDir(), Environ: []string{}, Name: "x"}
	for b.Loop() {
		o.Stdin = bytes.NewReader(twenty())
		if _, err := Load(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
}
