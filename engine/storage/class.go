package storage

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// keepClass makes the StorageClass if there is none of its name. One that
// exists stays: somebody may have made another class the default.
func (v *Volumes) keepClass(ctx context.Context, r *running) {
	wait := 200 * time.Millisecond
	for {
		_, err := v.o.Client.StorageV1().StorageClasses().Create(ctx, class(), metav1.CreateOptions{})
		if err == nil || apierrors.IsAlreadyExists(err) {
			close(r.classed)
			return
		}
		if ctx.Err() == nil {
			v.o.Log.Warn("make the default storage class", "err", fmt.Errorf("create class %s: %w", ClassName, err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, 5*time.Second)
		}
	}
}

func class() *storagev1.StorageClass {
	reclaim, binding, expand := corev1.PersistentVolumeReclaimDelete, storagev1.VolumeBindingWaitForFirstConsumer, false
	return &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        ClassName,
			Labels:      map[string]string{"app.kubernetes.io/managed-by": "nagi"},
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:          Provisioner,
		ReclaimPolicy:        &reclaim,
		VolumeBindingMode:    &binding,
		AllowVolumeExpansion: &expand,
	}
}
