package storage

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var here = Spec{Node: "here", Dir: "/v"}

// claimWith returns a claim that waits for this node, changed by edits.
func claimWith(edits ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	name := ClassName
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "data", UID: "u1",
			Annotations: map[string]string{annProvisioner: Provisioner, annNode: "here"},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &name,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceStorage: resource.MustParse("1Gi"),
			}},
		},
	}
	for _, edit := range edits {
		edit(c)
	}
	return c
}

func TestDecideClaim(t *testing.T) {
	block := corev1.PersistentVolumeBlock
	immediate := class()
	mode := storagev1.VolumeBindingImmediate
	immediate.VolumeBindingMode = &mode
	foreign := class()
	foreign.Provisioner = "example.com/other"
	type edit = func(*corev1.PersistentVolumeClaim)
	for _, tt := range []struct {
		name   string
		edit   edit
		class  *storagev1.StorageClass
		makes  bool
		refuse string
	}{
		{name: "a claim whose pod goes to this node gets a volume", class: class(), makes: true},
		{
			name: "a claim whose pod goes elsewhere is left to that node", class: class(),
			edit: func(c *corev1.PersistentVolumeClaim) { c.Annotations[annNode] = "there" },
		},
		{
			name: "a claim without a pod waits for the first one", class: class(),
			edit: func(c *corev1.PersistentVolumeClaim) { delete(c.Annotations, annNode) },
		},
		{
			name: "a claim of a class that binds at once does not wait for a pod", class: immediate, makes: true,
			edit: func(c *corev1.PersistentVolumeClaim) { delete(c.Annotations, annNode) },
		},
		{
			name: "the annotation's older name counts too", class: class(), makes: true,
			edit: func(c *corev1.PersistentVolumeClaim) {
				delete(c.Annotations, annProvisioner)
				c.Annotations[annBetaName] = Provisioner
			},
		},
		{
			name: "a claim that has its volume gets no second one", class: class(),
			edit: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pvc-u1" },
		},
		{
			name: "a claim that is being deleted gets none", class: class(),
			edit: func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} },
		},
		{
			name: "a claim for another provisioner is left alone", class: class(),
			edit: func(c *corev1.PersistentVolumeClaim) { c.Annotations[annProvisioner] = "example.com/other" },
		},
		{name: "a class that went over to another provisioner is left alone", class: foreign},
		{name: "a claim of a class that is gone waits"},
		{
			name: "a block device is refused", class: class(),
			edit:   func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = &block },
			refuse: "a local volume is a folder, not a block device; write volumeMode: Filesystem",
		},
		{
			name: "a copy of another volume is refused", class: class(),
			edit: func(c *corev1.PersistentVolumeClaim) {
				c.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "x"}
			},
			refuse: "a local volume starts empty; leave out dataSource",
		},
		{
			name: "a selector is refused", class: class(),
			edit:   func(c *corev1.PersistentVolumeClaim) { c.Spec.Selector = &metav1.LabelSelector{} },
			refuse: "a local volume is made for its claim; leave out selector",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := claimWith()
			if tt.edit != nil {
				tt.edit(c)
			}
			p := DecideClaim(here, c, tt.class)
			if p.Refuse != tt.refuse || (p.Volume != nil) != tt.makes {
				t.Errorf("plan = %+v", p)
			}
		})
	}
}

func TestVolumeIsWhatTheClaimAsksFor(t *testing.T) {
	retain := class()
	keep := corev1.PersistentVolumeReclaimRetain
	retain.ReclaimPolicy = &keep
	v := DecideClaim(here, claimWith(), retain).Volume
	got := []any{
		v.Name, v.Spec.Local.Path, v.Spec.Capacity.Storage().String(), v.Spec.AccessModes,
		v.Spec.PersistentVolumeReclaimPolicy, v.Spec.StorageClassName, string(v.Spec.ClaimRef.UID),
	}
	want := []any{"pvc-u1", "/v/pvc-u1", "1Gi", []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, keep, ClassName, "u1"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDecideVolume(t *testing.T) {
	type edit = func(*corev1.PersistentVolume)
	phase := func(p corev1.PersistentVolumePhase) edit {
		return func(v *corev1.PersistentVolume) { v.Status.Phase = p }
	}
	deleted := func(v *corev1.PersistentVolume) { v.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
	retain := func(v *corev1.PersistentVolume) {
		v.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	}
	free := func(v *corev1.PersistentVolume) { v.Finalizers = nil }
	for _, tt := range []struct {
		name  string
		edits []edit
		want  VolumePlan
	}{
		{"a new volume waits for its claim", nil, VolumePlan{}},
		{"a bound volume stays", []edit{phase(corev1.VolumeBound)}, VolumePlan{}},
		{"a bound volume that somebody deletes keeps its data", []edit{phase(corev1.VolumeBound), deleted}, VolumePlan{}},
		{
			"a released volume goes, folder first",
			[]edit{phase(corev1.VolumeReleased)},
			VolumePlan{RemoveFolder: true, Release: true, Delete: true},
		},
		{
			"a removal that a crash cut short goes on",
			[]edit{phase(corev1.VolumeReleased), free},
			VolumePlan{RemoveFolder: true, Delete: true},
		},
		{
			"a deleted volume that no claim holds loses its folder",
			[]edit{phase(corev1.VolumeReleased), deleted},
			VolumePlan{RemoveFolder: true, Release: true},
		},
		{
			"a deleted volume that another finalizer holds is done with",
			[]edit{phase(corev1.VolumeReleased), deleted, free},
			VolumePlan{},
		},
		{"a released volume to retain stays", []edit{phase(corev1.VolumeReleased), retain}, VolumePlan{}},
		{
			"a volume to retain that is deleted leaves its folder",
			[]edit{phase(corev1.VolumeReleased), retain, deleted},
			VolumePlan{Release: true},
		},
		{"a volume of another node is not touched", []edit{
			phase(corev1.VolumeReleased),
			func(v *corev1.PersistentVolume) { v.Spec.NodeAffinity = only("there") },
		}, VolumePlan{}},
		{"a volume of another provisioner is not touched", []edit{
			phase(corev1.VolumeReleased),
			func(v *corev1.PersistentVolume) { v.Annotations = nil },
		}, VolumePlan{}},
		{"a volume that claims a folder not its own is not touched", []edit{
			phase(corev1.VolumeReleased),
			func(v *corev1.PersistentVolume) { v.Spec.Local.Path = "/v/../etc" },
		}, VolumePlan{}},
		{"a volume without a path is not touched", []edit{
			phase(corev1.VolumeReleased),
			func(v *corev1.PersistentVolume) { v.Spec.Local = nil },
		}, VolumePlan{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := DecideClaim(here, claimWith(), class()).Volume
			for _, edit := range tt.edits {
				edit(v)
			}
			if d := cmp.Diff(tt.want, DecideVolume(here, v)); d != "" {
				t.Error(d)
			}
		})
	}
}
