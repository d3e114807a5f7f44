package storage

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// work serves the queue until it is shut down. What fails comes again, later
// each time.
func (v *Volumes) work(ctx context.Context, r *running) {
	if !cache.WaitForCacheSync(ctx.Done(), r.synced...) {
		return
	}
	for {
		k, over := r.queue.Get()
		if over {
			return
		}
		if err := v.reconcile(ctx, r, k); err != nil && ctx.Err() == nil {
			v.o.Log.Warn("serve volume", "key", k.String(), "err", err)
			r.queue.AddRateLimited(k)
		} else {
			r.queue.Forget(k)
		}
		r.queue.Done(k)
	}
}

func (v *Volumes) reconcile(ctx context.Context, r *running, k key) error {
	if k.Namespace == "" {
		return v.reconcileVolume(ctx, r, k.Name)
	}
	return v.reconcileClaim(ctx, r, k)
}

func (v *Volumes) reconcileClaim(ctx context.Context, r *running, k key) error {
	claim, err := r.informers.Core().V1().PersistentVolumeClaims().Lister().PersistentVolumeClaims(k.Namespace).Get(k.Name)
	if err != nil {
		return ignoreGone(err)
	}
	if !waits(v.spec, claim) {
		return nil
	}
	class, err := v.classOf(ctx, r, claim)
	if err != nil {
		return err
	}
	plan := DecideClaim(v.spec, claim, class)
	if plan.Refuse != "" {
		r.events.Event(claim, corev1.EventTypeWarning, "ProvisioningFailed", plan.Refuse)
	}
	if plan.Volume == nil {
		return nil
	}
	if err := v.provision(ctx, r, claim, plan.Volume); err != nil {
		r.events.Event(claim, corev1.EventTypeWarning, "ProvisioningFailed", err.Error())
		return fmt.Errorf("provision claim %s: %w", k, err)
	}
	return nil
}

// classOf returns the claim's class, nil if there is none. A claim may be
// seen before its class is, so the API has the last word.
func (v *Volumes) classOf(ctx context.Context, r *running, claim *corev1.PersistentVolumeClaim) (*storagev1.StorageClass, error) {
	if claim.Spec.StorageClassName == nil {
		return nil, nil
	}
	class, err := r.informers.Storage().V1().StorageClasses().Lister().Get(*claim.Spec.StorageClassName)
	if apierrors.IsNotFound(err) {
		class, err = v.o.Client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, metav1.GetOptions{})
	}
	if err != nil {
		return nil, ignoreGone(err)
	}
	return class, nil
}

// provision makes the folder before the object, so that whoever sees the
// object can mount it. A volume that exists already is the one meant.
func (v *Volumes) provision(ctx context.Context, r *running, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) error {
	if _, err := r.informers.Core().V1().PersistentVolumes().Lister().Get(volume.Name); err == nil {
		return nil
	}
	if err := v.folders.make(volume.Name); err != nil {
		return err
	}
	_, err := v.o.Client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create volume %s: %w", volume.Name, err)
	}
	r.events.Eventf(claim, corev1.EventTypeNormal, "ProvisioningSucceeded", "made volume %s", volume.Name)
	return nil
}

func (v *Volumes) reconcileVolume(ctx context.Context, r *running, name string) error {
	volume, err := r.informers.Core().V1().PersistentVolumes().Lister().Get(name)
	if err != nil {
		return ignoreGone(err)
	}
	if err := v.apply(ctx, volume, DecideVolume(v.spec, volume)); err != nil {
		if !apierrors.IsConflict(err) {
			r.events.Event(volume, corev1.EventTypeWarning, "VolumeFailedDelete", err.Error())
		}
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	return nil
}

func (v *Volumes) apply(ctx context.Context, volume *corev1.PersistentVolume, plan VolumePlan) error {
	if plan.RemoveFolder {
		if err := v.folders.remove(volume.Name); err != nil {
			return err
		}
	}
	if plan.Release {
		if err := v.release(ctx, volume); err != nil {
			return err
		}
	}
	if plan.Delete {
		same := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(volume.UID))}
		if err := v.o.Client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, same); ignoreGone(err) != nil {
			return fmt.Errorf("delete object: %w", err)
		}
	}
	return nil
}

// release takes our finalizer off.
func (v *Volumes) release(ctx context.Context, volume *corev1.PersistentVolume) error {
	freed := volume.DeepCopy()
	freed.Finalizers = without(freed.Finalizers, finalizer)
	_, err := v.o.Client.CoreV1().PersistentVolumes().Update(ctx, freed, metav1.UpdateOptions{})
	if ignoreGone(err) != nil {
		return fmt.Errorf("take finalizer off: %w", err)
	}
	return nil
}

func without(in []string, s string) []string {
	var out []string
	for _, f := range in {
		if f != s {
			out = append(out, f)
		}
	}
	return out
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
