package pki

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfigs writes one file for each component, which names the leaf's
// file so that clients follow a renewal, and the administrator's, which
// carries its certificate inside so that it can be copied elsewhere.
func (o Options) kubeconfigs(renewed bool) error {
	for _, name := range []string{"controller-manager", "scheduler", "proxy", "platform", "kubelet"} {
		pem := filepath.Join(o.Dir, name+".pem")
		user := &clientcmdapi.AuthInfo{ClientCertificate: pem, ClientKey: pem}
		if err := o.kubeconfig(filepath.Join(o.Dir, name+".kubeconfig"), user); err != nil {
			return err
		}
	}
	if _, err := os.Stat(o.Kubeconfig); !renewed && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	pem, err := os.ReadFile(filepath.Join(o.Dir, "admin.pem"))
	if err != nil {
		return fmt.Errorf("read the administrator's certificate: %w", err)
	}
	return o.kubeconfig(o.Kubeconfig, &clientcmdapi.AuthInfo{ClientCertificateData: pem, ClientKeyData: pem})
}

func (o Options) kubeconfig(file string, user *clientcmdapi.AuthInfo) error {
	ca, err := os.ReadFile(filepath.Join(o.Dir, clusterCA+".crt"))
	if err != nil {
		return fmt.Errorf("read the cluster's authority: %w", err)
	}
	c := clientcmdapi.NewConfig()
	c.Clusters["nagi"] = &clientcmdapi.Cluster{Server: o.Server, CertificateAuthorityData: ca}
	c.AuthInfos["nagi"] = user
	c.Contexts["nagi"] = &clientcmdapi.Context{Cluster: "nagi", AuthInfo: "nagi"}
	c.CurrentContext = "nagi"
	b, err := clientcmd.Write(*c)
	if err != nil {
		return fmt.Errorf("encode kubeconfig %s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("make folder of kubeconfig: %w", err)
	}
	return writeFile(file, b, 0o600)
}
