package storage

import (
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// Provisioner is what a StorageClass names to get volumes from here.
	Provisioner = "nagi.dev/local"

	// ClassName is the default StorageClass of a Nagi server.
	ClassName = "local"

	finalizer      = "nagi.dev/local" // holds a volume until its folder is gone
	annProvisioner = "volume.kubernetes.io/storage-provisioner"
	annBetaName    = "volume.beta.kubernetes.io/storage-provisioner"
	annNode        = "volume.kubernetes.io/selected-node"
	annMadeBy      = "pv.kubernetes.io/provisioned-by"
)

// A Spec is what this provisioner is.
type Spec struct {
	Node string // whose folders these are
	Dir  string // absolute; a folder in it is a volume
}

// A ClaimPlan is what to do for a claim. The zero plan means: nothing.
type ClaimPlan struct {
	Volume *corev1.PersistentVolume // make its folder, then the object
	Refuse string                   // why the claim cannot be served, for people
}

// DecideClaim plans for a claim of the class, which is nil when no such class
// exists. It serves claims without a volume that wait for this node.
func DecideClaim(spec Spec, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) ClaimPlan {
	if !waits(spec, claim) || class == nil || class.Provisioner != Provisioner {
		return ClaimPlan{}
	}
	if claim.Annotations[annNode] == "" && waitsForPod(class) {
		return ClaimPlan{}
	}
	if why := unfit(claim); why != "" {
		return ClaimPlan{Refuse: why}
	}
	return ClaimPlan{Volume: volumeFor(spec, claim, class)}
}

// waits reports whether the claim asks for a volume that this node may make.
func waits(spec Spec, claim *corev1.PersistentVolumeClaim) bool {
	name := claim.Annotations[annProvisioner]
	if name == "" {
		name = claim.Annotations[annBetaName]
	}
	node := claim.Annotations[annNode]
	return claim.DeletionTimestamp == nil && claim.Spec.VolumeName == "" &&
		name == Provisioner && (node == "" || node == spec.Node)
}

func waitsForPod(class *storagev1.StorageClass) bool {
	return class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}

// unfit says what of the claim a folder cannot be.
func unfit(claim *corev1.PersistentVolumeClaim) string {
	switch s := claim.Spec; {
	case s.VolumeMode != nil && *s.VolumeMode == corev1.PersistentVolumeBlock:
		return "a local volume is a folder, not a block device; write volumeMode: Filesystem"
	case s.DataSource != nil || s.DataSourceRef != nil:
		return "a local volume starts empty; leave out dataSource"
	case s.Selector != nil:
		return "a local volume is made for its claim; leave out selector"
	}
	return ""
}

// volumeFor returns the volume of a claim. Its name comes from the claim's
// UID: whoever asks twice, or again after a crash, means the same volume.
func volumeFor(spec Spec, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) *corev1.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	mode := corev1.PersistentVolumeFilesystem
	reclaim := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		reclaim = *class.ReclaimPolicy
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Labels:      map[string]string{"app.kubernetes.io/managed-by": "nagi"},
			Annotations: map[string]string{annMadeBy: Provisioner},
			Finalizers:  []string{finalizer},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes:                   slices.Clone(claim.Spec.AccessModes),
			PersistentVolumeReclaimPolicy: reclaim,
			StorageClassName:              class.Name,
			MountOptions:                  slices.Clone(class.MountOptions),
			VolumeMode:                    &mode,
			NodeAffinity:                  only(spec.Node),
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: filepath.Join(spec.Dir, name)},
			},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1",
				Kind:       "PersistentVolumeClaim",
				Namespace:  claim.Namespace,
				Name:       claim.Name,
				UID:        claim.UID,
			},
		},
	}
}

func only(node string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key:      corev1.LabelHostname,
				Operator: corev1.NodeSelectorOpIn,
				Values:   []string{node},
			}},
		}},
	}}
}

// A VolumePlan is what to do for a volume. The zero plan means: nothing.
// The steps are done in the order of the fields.
type VolumePlan struct {
	RemoveFolder bool // of the volume's name
	Release      bool // take our finalizer off
	Delete       bool // delete the object
}

// DecideVolume plans for a volume. It acts on volumes of this node that no
// claim holds any more: with the policy Delete folder and object go, with any
// other the folder stays and only a deleted object is let go.
func DecideVolume(spec Spec, v *corev1.PersistentVolume) VolumePlan {
	if !ours(spec, v) || v.Status.Phase == corev1.VolumeBound {
		return VolumePlan{}
	}
	held := slices.Contains(v.Finalizers, finalizer)
	if v.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return VolumePlan{Release: held && v.DeletionTimestamp != nil}
	}
	switch {
	case v.DeletionTimestamp != nil:
		return VolumePlan{RemoveFolder: held, Release: held}
	case v.Status.Phase == corev1.VolumeReleased || v.Status.Phase == corev1.VolumeFailed:
		return VolumePlan{RemoveFolder: true, Release: held, Delete: true}
	}
	return VolumePlan{}
}

// ours reports whether the volume is a folder that this provisioner made:
// nothing else is ever touched.
func ours(spec Spec, v *corev1.PersistentVolume) bool {
	return v.Annotations[annMadeBy] == Provisioner && v.Spec.Local != nil &&
		v.Spec.Local.Path == filepath.Join(spec.Dir, v.Name) && on(spec.Node, v.Spec.NodeAffinity)
}

func on(node string, a *corev1.VolumeNodeAffinity) bool {
	if a == nil || a.Required == nil || len(a.Required.NodeSelectorTerms) != 1 {
		return false
	}
	es := a.Required.NodeSelectorTerms[0].MatchExpressions
	return len(es) == 1 && es[0].Key == corev1.LabelHostname && slices.Equal(es[0].Values, []string{node})
}
