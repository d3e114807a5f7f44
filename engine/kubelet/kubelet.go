// Package kubelet runs the upstream Kubernetes node agent inside this
// process. Start with Part.
package kubelet

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"

	"nagi.dev/engine/config"
)

// A Part is the kubelet. It cannot be stopped within a process: upstream goes
// on after its context ends. Its process ends instead, and pods go on.
type Part struct {
	Config config.Config

	ended chan error
}

// Name implements run.Part.
func (*Part) Name() string { return "kubelet" }

// Start implements run.Part.
func (p *Part) Start(context.Context) error {
	s, err := p.server()
	if err != nil {
		return err
	}
	if err := utilfeature.DefaultMutableFeatureGate.Set(config.FeatureGates); err != nil {
		return fmt.Errorf("set feature gates: %w", err)
	}
	ctx := context.Background()
	deps, err := app.UnsecuredDependencies(ctx, s, utilfeature.DefaultFeatureGate)
	if err != nil {
		return fmt.Errorf("prepare kubelet: %w", err)
	}
	p.ended = make(chan error, 1)
	go func() { p.ended <- app.Run(ctx, s, deps, utilfeature.DefaultFeatureGate) }()
	return nil
}

func (p *Part) server() (*options.KubeletServer, error) {
	fl := options.NewKubeletFlags()
	cfg, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, fmt.Errorf("make kubelet configuration: %w", err)
	}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	fl.AddFlags(fs)
	options.AddKubeletConfigFlags(fs, cfg)
	c := p.Config
	if err := fs.Parse([]string{
		"--kubeconfig=" + c.Kubeconfig("kubelet"), "--hostname-override=" + c.NodeName,
		"--node-ip=" + c.NodeIP().String(), "--root-dir=" + c.Dirs.Kubelet(), "--cert-dir=" + filepath.Join(c.Dirs.Kubelet(), "pki"),
	}); err != nil {
		return nil, fmt.Errorf("set kubelet flags: %w", err)
	}
	p.access(cfg)
	p.runtime(cfg)
	pace(cfg)
	return &options.KubeletServer{KubeletFlags: *fl, KubeletConfiguration: *cfg}, nil
}

// access says who may talk to the kubelet.
func (p *Part) access(cfg *kubeletconfig.KubeletConfiguration) {
	pki := p.Config.Dirs.PKI()
	server := filepath.Join(pki, "kubelet-server.pem")
	cfg.Address = p.Config.NodeIP().String()
	cfg.TLSCertFile, cfg.TLSPrivateKeyFile = server, server
	cfg.Authentication.X509.ClientCAFile = filepath.Join(pki, "ca.crt")
	cfg.Authentication.Anonymous.Enabled = false
	cfg.Authentication.Webhook.Enabled = true
	cfg.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook
	cfg.HealthzBindAddress = config.Loopback.String()
	cfg.StaticPodPath = ""
}

// runtime says where containers and their limits live.
func (p *Part) runtime(cfg *kubeletconfig.KubeletConfiguration) {
	c := p.Config
	cfg.FailCgroupV1 = false
	cfg.FailSwapOn = false
	cfg.CgroupDriver = "cgroupfs"
	cfg.CgroupRoot = c.CgroupRoot
	cfg.ContainerRuntimeEndpoint = "unix://" + c.Dirs.ContainerdSocket()
	cfg.ImageServiceEndpoint = ""
	cfg.ClusterDNS = []string{config.ServiceDNS.String()}
	cfg.ClusterDomain = config.Domain
	cfg.ResolverConfig = "/etc/resolv.conf"
	cfg.VolumePluginDir = filepath.Join(c.Dirs.Kubelet(), "plugins")
	cfg.PodLogsDir = filepath.Join(c.Dirs.Log(), "pods")
	seccomp := true
	cfg.SeccompDefault = seccomp
	cfg.MaxPods = 250
	cfg.EvictionHard = map[string]string{"nodefs.available": "3%", "imagefs.available": "3%", "nodefs.inodesFree": "2%", "memory.available": "50Mi"}
	// Images come from archives: one that was collected cannot be pulled again.
	cfg.ImageGCHighThresholdPercent, cfg.ImageGCLowThresholdPercent = 100, 99
}

// pace makes the kubelet quick on one machine; its defaults spare the API
// server of a thousand nodes.
func pace(cfg *kubeletconfig.KubeletConfiguration) {
	cfg.RegistryPullQPS = 0
	cfg.SerializeImagePulls = false
	cfg.KubeAPIQPS, cfg.KubeAPIBurst = 200, 400
	cfg.EventRecordQPS, cfg.EventBurst = 50, 100
	cfg.SyncFrequency = metav1.Duration{Duration: time.Minute}
	cfg.NodeStatusUpdateFrequency = metav1.Duration{Duration: 10 * time.Second}
	cfg.NodeLeaseDurationSeconds = 40
	cfg.ContainerLogMaxSize, cfg.ContainerLogMaxFiles = "10Mi", 3
}

// Err reports a kubelet that ended by itself.
func (p *Part) Err() <-chan error { return p.ended }

// Stop implements run.Part: the end of the process is the kubelet's.
func (*Part) Stop(context.Context) error { return nil }
