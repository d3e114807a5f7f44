package build

import (
	"context"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	hostconfig "github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/session/auth/authprovider"

	"nagi.dev/engine/registry"
)

// hosts finds the addresses of a registry where dir says how.
func hosts(dir string) docker.RegistryHosts {
	return hostconfig.ConfigureHosts(context.Background(), hostconfig.HostOptions{HostDir: hostconfig.HostDirFromRoot(dir)})
}

// credentials are those of our own file, else Docker's.
func credentials(ours registry.Config, dockers *configfile.ConfigFile) authprovider.AuthConfigProvider {
	fallback := authprovider.LoadAuthConfig(dockers)
	return func(ctx context.Context, host string, scope []string, check authprovider.ExpireCachedAuthCheck) (types.AuthConfig, error) {
		if user, password, ok := ours.Credentials(host); ok {
			return types.AuthConfig{Username: user, Password: password, ServerAddress: host}, nil
		}
		return fallback(ctx, host, scope, check)
	}
}
