package compose

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
	"nagi.dev/api/v1alpha1"
)

// WriteMapping prints, for people, what becomes of every attribute of a compose
// file. Verdicts and reasons are the table's. What an attribute becomes is seen:
// the project in the folder samples has one of everything, and is turned into
// objects once as it is and once without each attribute.
func WriteMapping(ctx context.Context, w io.Writer, samples string) error {
	dir, err := filepath.Abs(samples)
	if err != nil {
		return fmt.Errorf("find samples: %w", err)
	}
	s := &sampler{dir: dir, seen: map[string][]sample{}}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("look at samples: %w", err)
	}
	var b strings.Builder
	b.WriteString(mappingHead)
	for _, g := range mappingGroups() {
		s.group(&b, g)
	}
	if _, err = io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print mapping: %w", err)
	}
	return nil
}

// AppliedAttributes returns the attributes that do what compose says, for all
// values or for some, as patterns: "services.*.working_dir". Those of jobs and
// hooks that repeat what holds of a service are left out.
func AppliedAttributes() []string {
	var all []string
	for _, r := range documented() {
		if r.verdict == Applied {
			all = append(all, r.at.String())
		}
	}
	return all
}

const mappingHead = `# What becomes of a compose file

<!-- Made by "make generate" from the table that makes the report of a deploy. Do not edit. -->

` + "`nagi deploy -o report`" + ` says this of the lines of your own file. An attribute is

- **applied**: it does what compose says;
- **approximated**: it runs, with the difference that is named;
- **refused**: the deploy stops before anything changes, and says what to do; ` + "`--approximate`" + ` goes on without it.

"Becomes" is measured, not promised: it lists the fields of Kubernetes objects that differ between a file with the attribute and the same file without it. Where the verdict depends on the value, examples stand below it.

A job, and a hook under ` + "`pre_start`" + `, has every attribute of a service's container, with the same verdict unless another is listed for it.
`

// A mappingGroup is one section: the attributes below a place.
type mappingGroup struct{ title, prefix string }

func mappingGroups() []mappingGroup {
	return []mappingGroup{
		{"The file", ""},
		{"Services", "services.*."},
		{"deploy", "services.*.deploy."},
		{"Hooks", "services.*.p"},
		{"Jobs", "jobs.*."},
		{"Networks", "networks."},
		{"Volumes", "volumes."},
		{"Configs and secrets", "configs."},
	}
}

// groupOf returns the title of the section that an attribute belongs to.
func groupOf(at path) string {
	switch text := at.String(); {
	case strings.HasPrefix(text, "services.*.deploy."):
		return "deploy"
	case len(at) > 3 && slices.Contains([]string{"pre_start", "post_start", "pre_stop"}, at[2]):
		return "Hooks"
	case len(at) > 2 && at[0] == "services":
		return "Services"
	case len(at) > 2 && at[0] == "jobs":
		return "Jobs"
	case len(at) > 1 && at[0] == "networks":
		return "Networks"
	case len(at) > 1 && at[0] == "volumes":
		return "Volumes"
	case len(at) > 1 && (at[0] == "configs" || at[0] == "secrets"):
		return "Configs and secrets"
	}
	return "The file"
}

// group prints one section. Rows of one reason that become nothing stay apart:
// people look for a name.
func (s *sampler) group(b *strings.Builder, g mappingGroup) {
	fmt.Fprintf(b, "\n## %s\n\n| attribute | verdict | becomes | notes |\n|---|---|---|---|\n", g.title)
	for _, r := range documented() {
		if groupOf(r.at) == g.title {
			s.row(b, r)
		}
	}
}

// documented returns the rows in the order of their names, without those that
// repeat what is said of a service.
func documented() []row {
	var all []row
	for _, rows := range table().byDepth {
		for _, r := range rows {
			if !r.derived {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b row) int { return cmp.Compare(a.at.String(), b.at.String()) })
	return all
}

func (s *sampler) row(b *strings.Builder, r row) {
	seen := s.seen[r.at.String()]
	verdict, notes := string(r.verdict), []string{r.reason}
	if r.judge != nil {
		verdict, notes = "depends on its value", nil
		same := oneVerdict(seen)
		for _, x := range seen {
			if same == "" || x.reason != "" {
				notes = append(notes, x.text())
			}
		}
		verdict = cmp.Or(same, verdict)
	}
	var becomes []string
	for _, x := range seen {
		for _, field := range x.becomes {
			if !slices.Contains(becomes, field) {
				becomes = append(becomes, field)
			}
		}
	}
	if len(becomes) > maxBecomes {
		becomes = append(becomes[:maxBecomes], fmt.Sprintf("and %d more", len(becomes)-maxBecomes))
	}
	slices.Sort(notes)
	notes = slices.DeleteFunc(slices.Compact(notes), func(n string) bool { return n == "" })
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", r.at, verdict, strings.Join(becomes, "<br>"), cell(strings.Join(notes, "<br>")))
}

// maxBecomes is how many fields one line of the document shows.
const maxBecomes = 6

// cell keeps a text from ending a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// oneVerdict is what all samples of an attribute say; "": they differ.
func oneVerdict(seen []sample) string {
	var all []string
	for _, x := range seen {
		all = append(all, string(x.verdict))
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 1 && len(seen) > 0 {
		return all[0]
	}
	return ""
}

// A sample is one attribute of the sample project.
type sample struct {
	value   string
	verdict Verdict
	reason  string
	becomes []string
}

func (x sample) text() string {
	text := string(x.verdict)
	if x.value != "" {
		text = "`" + x.value + "`: " + text
	}
	if x.reason != "" {
		text += ": " + x.reason
	}
	return text
}

// A sampler looks at what each attribute of a project changes.
type sampler struct {
	dir  string
	seen map[string][]sample // by the pattern of the row
}

// sampleFile is the one file of the project whose lines are taken out.
const sampleFile = "compose.yaml"

func (s *sampler) run(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(s.dir, sampleFile))
	if err != nil {
		return err
	}
	p, whole, err := s.objects(ctx, text)
	if err != nil {
		return err
	}
	c := &checker{project: p, seen: map[*node]bool{}, rank: map[string]int{}}
	for _, doc := range p.Source.files[len(p.Source.files)-1].docs {
		c.walk(attribute{node: doc, project: p}, doc.line)
	}
	for _, e := range c.entries {
		at := splitPath(e.Path)
		r, ok := rowFor(at)
		if !ok || e.File != filepath.Base(sampleFile) {
			continue
		}
		n, _ := p.Source.find(at)
		x := sample{value: sampleValue(n), verdict: e.Verdict, reason: e.Reason}
		if x.becomes, err = s.without(ctx, text, at, whole); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		s.seen[r.at.String()] = append(s.seen[r.at.String()], x)
	}
	return nil
}

func sampleValue(n *node) string {
	if n == nil || n.kind != scalar {
		return ""
	}
	return n.text
}

// objects loads the project with text in the place of its file.
func (s *sampler) objects(ctx context.Context, text []byte) (*Project, map[string]bool, error) {
	p, err := Load(ctx, LoadOptions{
		Files: []string{"-"}, Stdin: bytes.NewReader(text), ProjectDir: s.dir, WorkDir: s.dir,
		Environ: []string{"WORD=calm"},
	})
	if err != nil {
		return nil, nil, err
	}
	for _, f := range p.Source.files {
		if f.name == "stdin" {
			f.name = sampleFile
		}
	}
	b, err := NewBundle(p, "")
	if err != nil {
		return nil, nil, err
	}
	objs, err := Objects(p.Project, b.Stack.Spec.Assets, ObjectOptions{PlaneImage: "plane"})
	if err != nil {
		return nil, nil, err
	}
	fields := map[string]bool{}
	for _, o := range objs {
		text, err := json.Marshal(o)
		if err != nil {
			return nil, nil, err
		}
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			return nil, nil, err
		}
		kind := o.GetObjectKind().GroupVersionKind().Kind
		leaves(tree, kind+" ", kind+"/"+o.GetName()+" ", fields)
	}
	return p, fields, nil
}

// leaves notes every value of an object, as "FIELD\x00PLACE=VALUE": two
// objects may have the same field.
func leaves(v any, field, place string, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if k != "creationTimestamp" && k != v1alpha1.HashAnnotation && k != v1alpha1.TemplateAnnotation {
				leaves(v[k], dotted(field, k), place+"."+k, out)
			}
		}
	case []any:
		for i, inner := range v {
			mark := strconv.Itoa(i)
			if m, ok := inner.(map[string]any); ok && m["name"] != nil {
				mark = fmt.Sprint(m["name"]) // the order does not matter
			}
			leaves(inner, field+"[]", place+"."+mark, out)
		}
	default:
		out[fmt.Sprintf("%s\x00%s=%v", field, place, v)] = true
	}
}

func dotted(field, key string) string {
	if strings.HasSuffix(field, " ") {
		return field + key
	}
	return field + "." + key
}

// without returns the fields that change when the attribute at is taken out;
// none when the file is nothing without it.
func (s *sampler) without(ctx context.Context, text []byte, at path, whole map[string]bool) ([]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if !cut(doc.Content[0], at) {
		return nil, nil
	}
	rest, err := yaml.Marshal(&doc)
	if err != nil {
		return nil, err
	}
	_, fields, err := s.objects(ctx, rest)
	if err != nil {
		return nil, nil //nolint:nilerr // the file cannot be without it
	}
	var changed []string
	for _, pair := range [][2]map[string]bool{{whole, fields}, {fields, whole}} {
		for leaf := range pair[0] {
			if !pair[1][leaf] {
				field, _, _ := strings.Cut(leaf, "\x00")
				changed = append(changed, field)
			}
		}
	}
	return gathered(changed), nil
}

// gathered says in one what is new as a whole: an object, or an entry of a list.
func gathered(fields []string) []string {
	slices.Sort(fields)
	fields = slices.Compact(fields)
	var whole []string
	for _, f := range fields {
		for _, end := range []string{" apiVersion", "[].name", "[].mountPath"} {
			if stem, ok := strings.CutSuffix(f, end); ok {
				whole = append(whole, strings.TrimSuffix(stem+end[:len(end)-len(end[strings.LastIndexAny(end, ". "):])], " "))
			}
		}
	}
	var out []string
	for _, f := range fields {
		if i := slices.IndexFunc(whole, func(w string) bool { return strings.HasPrefix(f, w) }); i >= 0 {
			f = whole[i]
		}
		out = append(out, "`"+shortField(f)+"`")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shortField leaves out the way to a container, which all know.
func shortField(field string) string {
	kind, field, ok := strings.Cut(field, " ")
	if !ok {
		return "a " + kind
	}
	for _, way := range []struct{ long, short string }{
		{"spec.jobTemplate.spec.template.spec.", "pod: "},
		{"spec.template.spec.", "pod: "},
		{"spec.template.metadata.", "pod: metadata."},
		{"spec.jobTemplate.spec.template.metadata.", "pod: metadata."},
	} {
		if rest, ok := strings.CutPrefix(field, way.long); ok {
			return way.short + rest
		}
	}
	return kind + ": " + field
}

// cut takes a value out of a tree; false: it is not there as written.
func cut(n *yaml.Node, at path) bool {
	last := len(at) == 1
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value != at[0] {
				continue
			}
			if last {
				n.Content = slices.Delete(n.Content, i, i+2)
				return true
			}
			return cut(n.Content[i+1], at[1:])
		}
	}
	if i, err := strconv.Atoi(at[0]); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
		if last {
			n.Content = slices.Delete(n.Content, i, i+1)
			return true
		}
		return cut(n.Content[i], at[1:])
	}
	return false
}
