package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"nagi.dev/engine/build"
	"nagi.dev/engine/config"
	"nagi.dev/engine/hold"
	"nagi.dev/internal/layout"
)

// StopPods ends the containers that a stopped server left running, each with
// the time to end that its pod gives it. containerd runs for as long as that
// takes.
func StopPods(ctx context.Context, d layout.Dirs) error {
	c, err := config.Read(d)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it never ran, or the machine was powered off since
	}
	if err != nil {
		return err
	}
	if c.ControlOnly {
		return nil
	}
	held, err := hold.Take(d)
	if err != nil {
		return err
	}
	defer held.Close()
	b := newBoard(filepath.Join(d.Run, "stopping.json"), slog.New(slog.DiscardHandler))
	defer os.Remove(b.file)
	ctr := containerdChild(c, b, held)
	if err := ctr.Start(ctx); err != nil {
		return fmt.Errorf("start containerd: %w", err)
	}
	defer ctr.Stop(ctx)
	if err := ctr.Ready(ctx); err != nil {
		return fmt.Errorf("wait for containerd: %w", err)
	}
	// Steps of a build are no pods; a server that was killed left them too.
	return errors.Join(build.Sweep(ctx, c), stopSandboxes(ctx, d.ContainerdSocket()))
}

func stopSandboxes(ctx context.Context, socket string) error {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to containerd: %w", err)
	}
	defer conn.Close()
	rt := cri.NewRuntimeServiceClient(conn)
	ready := &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY}
	// containerd answers its socket before its CRI part has read the store.
	ask := &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{State: ready}}
	pods, err := rt.ListPodSandbox(ctx, ask)
	for grpcstatus.Code(err) == codes.Unavailable && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		pods, err = rt.ListPodSandbox(ctx, ask)
	}
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(pods.Items))
	for i, p := range pods.Items {
		wg.Go(func() { errs[i] = stopSandbox(ctx, rt, p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// defaultGrace is Kubernetes' own, where a pod names none.
const defaultGrace = 30

func stopSandbox(ctx context.Context, rt cri.RuntimeServiceClient, p *cri.PodSandbox) error {
	list, err := rt.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{PodSandboxId: p.Id}})
	if err != nil {
		return fmt.Errorf("list containers of pod %s: %w", p.Metadata.Name, err)
	}
	var wg sync.WaitGroup
	for _, c := range list.Containers {
		wg.Go(func() {
			// What cannot be stopped gently goes with its sandbox.
			_, _ = rt.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: c.Id, Timeout: grace(c)})
		})
	}
	wg.Wait()
	if _, err := rt.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.Id}); err != nil {
		return fmt.Errorf("stop pod %s: %w", p.Metadata.Name, err)
	}
	return nil
}

// grace is what the kubelet noted of the pod, in seconds.
func grace(c *cri.Container) int64 {
	var s int64
	if _, err := fmt.Sscan(c.Annotations["io.kubernetes.pod.terminationGracePeriod"], &s); err == nil {
		return s
	}
	return defaultGrace
}
