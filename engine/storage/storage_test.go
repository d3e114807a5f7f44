package storage

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"nagi.dev/internal/kubetest"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

// A bench is one API server, a namespace and a folder of volumes.
type bench struct {
	*testing.T
	c       kubernetes.Interface
	ns, dir string
	volumes watch.Interface
}

func newBench(t *testing.T) bench {
	t.Helper()
	cfg := kubetest.Start(t)
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.CoreV1().PersistentVolumes().Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return bench{t, c, kubetest.Namespace(t, cfg, "storage"), filepath.Join(t.TempDir(), "volumes"), w}
}

// start runs the part for as long as the test lasts. Its node is the test's.
func (b bench) start() *Volumes {
	b.Helper()
	v, err := New(Options{Client: b.c, Dir: b.dir, Node: b.ns, Retry: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if err := v.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { b.stop(v) })
	if err := v.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	return v
}

func (b bench) stop(v *Volumes) {
	if err := v.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}

// claim makes a claim as it looks once a pod was given to the test's node,
// and returns the name of its volume.
func (b bench) claim() string {
	b.Helper()
	c := claimWith()
	c.Namespace, c.UID, c.Annotations[annNode] = b.ns, "", b.ns
	made, err := b.c.CoreV1().PersistentVolumeClaims(b.ns).Create(b.Context(), c, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return "pvc-" + string(made.UID)
}

// next waits until the watch tells what ok accepts.
func (b bench) next(w watch.Interface, ok func(watch.Event) bool) {
	b.Helper()
	for limit := time.After(time.Minute); ; {
		select {
		case e := <-w.ResultChan():
			if ok(e) {
				return
			}
		case <-limit:
			b.Fatal("nothing happened in a minute")
		}
	}
}

// made waits until the volume is there, and returns it.
func (b bench) made(name string) (out *corev1.PersistentVolume) {
	b.Helper()
	b.next(b.volumes, func(e watch.Event) bool {
		v, ok := e.Object.(*corev1.PersistentVolume)
		out = v
		return ok && v.Name == name && e.Type == watch.Added
	})
	return out
}

// unmade waits until the volume is deleted and nothing of ours holds it. What
// else holds it is for the controller manager, which is not here.
func (b bench) unmade(name string) {
	b.Helper()
	b.next(b.volumes, func(e watch.Event) bool {
		v, ok := e.Object.(*corev1.PersistentVolume)
		return ok && v.Name == name && v.DeletionTimestamp != nil && !slices.Contains(v.Finalizers, finalizer)
	})
	if b.exists(name) {
		b.Error("the folder is still there")
	}
}

// release does what the controller manager does when the claim is gone.
func (b bench) release(v *corev1.PersistentVolume) {
	b.Helper()
	v.Status.Phase = corev1.VolumeReleased
	if _, err := b.c.CoreV1().PersistentVolumes().UpdateStatus(b.Context(), v, metav1.UpdateOptions{}); err != nil {
		b.Fatal(err)
	}
}

func (b bench) exists(path string) bool {
	_, err := os.Stat(filepath.Join(b.dir, path))
	return err == nil
}

func TestFolderComesWithTheClaimAndGoesWithTheVolume(t *testing.T) {
	b := newBench(t)
	b.start()
	name := b.claim()
	v := b.made(name)
	if err := os.WriteFile(filepath.Join(b.dir, name, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.release(v)
	b.unmade(name)
}

func TestWorkThatAStopCutShortIsTakenUp(t *testing.T) {
	b := newBench(t)
	b.stop(b.start()) // leaves the class
	name := b.claim()
	if err := folders(b.dir).make(name); err != nil { // as far as it got
		t.Fatal(err)
	}
	first := b.start()
	v := b.made(name)
	b.stop(first)
	b.release(v)
	if err := folders(b.dir).remove(name); err != nil { // as far as it got
		t.Fatal(err)
	}
	b.start()
	b.unmade(name)
}

func TestVolumeThatAPersonDeletesTakesItsFolderAlong(t *testing.T) {
	b := newBench(t)
	b.start()
	name := b.claim()
	b.made(name)
	if err := b.c.CoreV1().PersistentVolumeClaims(b.ns).Delete(t.Context(), "data", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.c.CoreV1().PersistentVolumes().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.unmade(name)
}

func TestClassIsTheDefaultUntilAPersonSaysOtherwise(t *testing.T) {
	b, key := newBench(t), "storageclass.kubernetes.io/is-default-class"
	v, classes := b.start(), b.c.StorageV1().StorageClasses()
	got, err := classes.Get(t.Context(), ClassName, metav1.GetOptions{})
	if err != nil || got.Annotations[key] != "true" {
		t.Fatalf("class = %v, %v", got, err)
	}
	got.Annotations[key] = "false"
	if _, err := classes.Update(t.Context(), got, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	b.stop(v)
	b.start()
	if got, err = classes.Get(t.Context(), ClassName, metav1.GetOptions{}); err != nil || got.Annotations[key] != "false" {
		t.Errorf("class = %v, %v", got, err)
	}
}

func TestFaultIsToldAndTriedAgain(t *testing.T) {
	b := newBench(t)
	if err := os.WriteFile(b.dir, nil, 0o600); err != nil { // in the way, like a disk that is full
		t.Fatal(err)
	}
	events, err := b.c.CoreV1().Events(b.ns).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	b.start()
	name := b.claim()
	b.next(events, func(e watch.Event) bool {
		ev, ok := e.Object.(*corev1.Event)
		return ok && ev.Reason == "ProvisioningFailed" && ev.InvolvedObject.Name == "data"
	})
	if err := os.Remove(b.dir); err != nil {
		t.Fatal(err)
	}
	b.made(name)
	if !b.exists(name) {
		t.Error("a volume without a folder")
	}
}
