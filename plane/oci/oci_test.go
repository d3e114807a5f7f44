package oci

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bundle makes a container whose annotations hold settings.
func bundle(t *testing.T, settings string) string {
	t.Helper()
	dir := t.TempDir()
	etc := filepath.Join(dir, "rootfs", "etc")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(tree{
		"root":        tree{"path": "rootfs"},
		"process":     tree{"args": []string{"sh"}, "user": tree{"uid": 0, "gid": 0}, "rlimits": []any{tree{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}}},
		"linux":       tree{"resources": tree{"memory": tree{"limit": json.Number("9223372036854775807")}}},
		"annotations": tree{"io.kubernetes.cri.container-name": "web", AnnotationPrefix + "web": settings, AnnotationPrefix + "other": "x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"config.json":       string(config),
		"rootfs/etc/passwd": "root:x:0:0::/:/bin/sh\nwww-data:x:33:34::/:/bin/sh\n",
		"rootfs/etc/group":  "root:x:0:\naudio:x:29:www-data,other\nstaff:x:50:\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAContainerGetsWhatItsSettingsSay(t *testing.T) {
	for _, tt := range []struct{ name, settings, part, want string }{
		{"nothing", `{}`, "process.user", `{"gid":0,"uid":0}`},
		{"a user by name has its groups", `{"user":"www-data"}`, "process.user", `{"additionalGids":[34,29],"gid":34,"uid":33}`},
		{"a user with a group has only that", `{"user":"www-data:staff"}`, "process.user", `{"additionalGids":[50],"gid":50,"uid":33}`},
		{"a user by number has its line", `{"user":"33"}`, "process.user", `{"additionalGids":[34,29],"gid":34,"uid":33}`},
		{"more groups", `{"groups":["audio","7"]}`, "process.user", `{"additionalGids":[29,7],"gid":0,"uid":0}`},
		{"a umask", `{"umask":23}`, "process.user", `{"gid":0,"uid":0,"umask":23}`},
		{"a limit replaces that of its name", `{"limits":[{"name":"nofile","soft":3,"hard":4}]}`, "process.rlimits", `[{"hard":4,"soft":3,"type":"RLIMIT_NOFILE"}]`},
		{"no limit at all", `{"limits":[{"name":"memlock","soft":18446744073709551615,"hard":18446744073709551615}]}`, "process.rlimits", `[{"hard":2,"soft":1,"type":"RLIMIT_NOFILE"},{"hard":18446744073709551615,"soft":18446744073709551615,"type":"RLIMIT_MEMLOCK"}]`},
		{"a score", `{"oomScoreAdj":5}`, "process.oomScoreAdj", `5`},
		{"processes", `{"pids":9}`, "linux.resources", `{"memory":{"limit":9223372036854775807},"pids":{"limit":9}}`},
		{"sysctls", `{"sysctls":{"net.core.somaxconn":"9"}}`, "linux.sysctl", `{"net.core.somaxconn":"9"}`},
		{"a device has a node", `{"devices":[{"name":"/dev/net/tun"}]}`, "linux.devices", `[{"fileMode":438,"gid":0,"major":10,"minor":200,"path":"/dev/net/tun","type":"c","uid":0}]`},
		{"a device may have another place", `{"devices":[{"name":"/dev/fuse","at":"/dev/f"}]}`, "linux.devices", `[{"fileMode":438,"gid":0,"major":10,"minor":229,"path":"/dev/f","type":"c","uid":0}]`},
		{"a device may be opened", `{"devices":[{"name":"/dev/fuse","access":"rw"}]}`, "linux.resources.devices", `[{"access":"rw","allow":true,"major":10,"minor":229,"type":"c"}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := bundle(t, tt.settings)
			if err := prepare([]string{"--root", "/r", "create", "--bundle", dir, "id"}); err != nil {
				t.Fatal(err)
			}
			var at any
			at, err := read(filepath.Join(dir, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			for step := range strings.SplitSeq(tt.part, ".") {
				at = at.(tree)[step]
			}
			got, err := json.Marshal(at)
			if d := cmp.Diff(tt.want, string(got)); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}

func TestWrongSettingsStopAContainer(t *testing.T) {
	for _, tt := range []struct{ name, settings, want string }{
		{"a word that it does not know", `{"colour":"red"}`, "colour"},
		{"a device of the machine", `{"devices":[{"name":"/dev/sda"}]}`, "/dev/sda belongs to the machine"},
		{"a device at a place that is none", `{"devices":[{"name":"/dev/fuse","at":"/dev/../etc/x"}]}`, "no place below /dev"},
		{"an access that is none", `{"devices":[{"name":"/dev/fuse","access":"x"}]}`, "not of r, w and m"},
		{"a user that the image does not have", `{"user":"bob"}`, "find user bob"},
		{"a group that the image does not have", `{"groups":["bobs"]}`, "find group bobs"},
		{"a score below zero", `{"oomScoreAdj":-5}`, "outlive"},
		{"a sysctl of the machine", `{"sysctls":{"kernel.panic":"1"}}`, "whole machine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := prepare([]string{"create", "--bundle=" + bundle(t, tt.settings), "id"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A program that is run in a container later is as its first one.
func TestAFurtherProcessGetsTheSame(t *testing.T) {
	dir, root := bundle(t, `{"user":"www-data","limits":[{"name":"nofile","soft":3,"hard":4}]}`), t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "id"), 0o755); err != nil {
		t.Fatal(err)
	}
	process := filepath.Join(root, "process.json")
	for name, text := range map[string]string{
		filepath.Join(root, "id", "state.json"): `{"config":{"labels":["a=b","bundle=` + dir + `"]}}`,
		process:                                 `{"args":["id"],"user":{"uid":0,"gid":0}}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := prepare([]string{"--root", root, "--log", "l", "exec", "--process", process, "--detach", "--pid-file", "p", "id"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(process)
	want := `{"args":["id"],"rlimits":[{"hard":4,"soft":3,"type":"RLIMIT_NOFILE"}],"user":{"additionalGids":[34,29],"gid":34,"uid":33}}`
	if d := cmp.Diff(want, string(got)); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

func TestOtherCommandsOfRuncPass(t *testing.T) {
	for _, args := range [][]string{{"state", "id"}, {"delete", "--force", "id"}, {"features"}, {"--version"}, nil} {
		if err := prepare(args); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"user":"a:b","limits":[{"name":"nofile","soft":1,"hard":2}],"sysctls":{"net.core.somaxconn":"9"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil && s.OOMScoreAdj != nil && *s.OOMScoreAdj < 0 {
			t.Errorf("%s is taken", text)
		}
	})
}
