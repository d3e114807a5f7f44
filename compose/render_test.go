package compose

import (
	"bytes"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func TestRenderKeepsEveryCharacter(t *testing.T) {
	want := "tab\t del\x7f next\u0085 c1\u009b line\nquote\" ￿ 凪 yes: no # 012"
	c := &corev1.ConfigMap{TypeMeta: typeMeta("v1", "ConfigMap"), Data: map[string]string{"text": want}}
	var out bytes.Buffer
	if err := Render(&out, []Object{c}); err != nil {
		t.Fatal(err)
	}
	var got corev1.ConfigMap
	if err := yaml.UnmarshalStrict(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Data["text"] != want {
		t.Errorf("%q came back as %q", want, got.Data["text"])
	}
}

func TestRenderPrintsByKind(t *testing.T) {
	objs := []Object{
		&corev1.Service{TypeMeta: typeMeta("v1", "Service"), ObjectMeta: metav1.ObjectMeta{Name: "s"}},
		&corev1.Pod{TypeMeta: typeMeta("v1", "Pod"), ObjectMeta: metav1.ObjectMeta{Name: "p"}},
		&corev1.Secret{TypeMeta: typeMeta("v1", "Secret"), ObjectMeta: metav1.ObjectMeta{Name: "c"}},
		&corev1.Namespace{TypeMeta: typeMeta("v1", "Namespace"), ObjectMeta: metav1.ObjectMeta{Name: "n"}},
	}
	var kinds []string
	for doc := range bytes.SplitSeq(rendered(t, objs), []byte("---\n")) {
		var o metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(doc, &o); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, o.Kind)
	}
	want := []string{"Namespace", "Secret", "Service", "Pod"}
	if !slices.Equal(kinds, want) {
		t.Errorf("Render prints %v, want %v", kinds, want)
	}
}
