package sidecar

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
	"nagi.dev/plane/config"
)

// Kind is how a document of this room is called in the stream.
const Kind = "sidecar"

// tlsDir is where the Secret is mounted.
const tlsDir = "/nagi/tls"

func tlsPort(t *v1alpha1.SidecarTLS) int32 { return cmp.Or(t.Port, 8443) }

// endTLS is a plane that shows the certificate. Which port it serves comes as
// a document, so that pods stay when it changes.
func endTLS(s *v1alpha1.Sidecar, door graft.Door) graft.Graft {
	c, volumes := door.Follow(kind, s.Name, "/v1/planes/"+s.Namespace+"/"+Kind+"/"+s.Name, v1alpha1.Audience)
	v := corev1.Volume{Name: graft.Name(kind, s.Name, "tls")}
	v.Secret = &corev1.SecretVolumeSource{SecretName: s.Spec.Use.TLS.SecretName}
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: v.Name, MountPath: tlsDir, ReadOnly: true})
	return graft.Graft{Sidecar: c, Volumes: append(volumes, v), Listens: true}
}

// document is what the plane of a tls sidecar runs; nil: it has none.
func document(s *v1alpha1.Sidecar) *config.Config {
	t := s.Spec.Use.TLS
	if t == nil {
		return nil
	}
	show := &config.ServerTLS{CertFile: tlsDir + "/tls.crt", KeyFile: tlsDir + "/tls.key", MinVersion: t.MinVersion}
	if t.ClientCA {
		show.ClientCAFile = tlsDir + "/ca.crt"
	}
	return &config.Config{
		Listeners: []config.Listener{{
			Name: "tls", Address: fmt.Sprintf(":%d", tlsPort(t)), Protocol: config.HTTP, TLS: show,
			Routes: []config.Route{{Arms: []config.Arm{{Pool: "program"}}, Timeout: -1}},
		}},
		Pools: []config.Pool{{Name: "program", Endpoints: []config.Endpoint{{Address: fmt.Sprintf("127.0.0.1:%d", t.To)}}, Health: config.Health{Failures: -1}}},
	}
}
