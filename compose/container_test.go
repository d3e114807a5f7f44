package compose

import (
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestLiteral(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"text without a dollar stays", "plain (text)", "plain (text)"},
		{"a single dollar stays", "a$b $HOME $", "a$b $HOME $"},
		{"a reference is no reference", "$(HOME)", "$$(HOME)"},
		{"two dollars stay two", "a$$b", "a$$$b"},
		{"a doubled reference stays doubled", "$$(X)", "$$$$(X)"},
		{"dollars at the end stay", "$$$", "$$$$$"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := literal(tt.text); got != tt.want {
				t.Errorf("literal(%q) = %q, want %q", tt.text, got, tt.want)
			}
			if got := kubeletReads(tt.want); got != tt.text {
				t.Errorf("a container would see %q, want %q", got, tt.text)
			}
		})
	}
}

func FuzzLiteral(f *testing.F) {
	f.Add("$$(A)$x$$$(")
	f.Fuzz(func(t *testing.T, text string) {
		if got := kubeletReads(literal(text)); got != text {
			t.Errorf("%q becomes %q in a container", text, got)
		}
	})
}

// kubeletReads reads text as the kubelet does when no variable is known: two dollars
// are one, $(NAME) stays, and so does any other dollar.
func kubeletReads(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '$' || i+1 == len(text):
			b.WriteByte(text[i])
		case text[i+1] == '$':
			b.WriteByte('$')
			i++
		case text[i+1] == '(' && strings.Contains(text[i:], ")"):
			b.WriteString("<reference>")
			i++
		default:
			b.WriteString(text[i : i+2])
			i++
		}
	}
	return b.String()
}

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		name          string
		s             types.ContainerSpec
		command, args []string
	}{
		{"neither leaves both to the image", types.ContainerSpec{}, nil, nil},
		{"a command alone keeps the image's entrypoint", types.ContainerSpec{Command: []string{"serve"}}, nil, []string{"serve"}},
		{"an entrypoint takes the command as arguments", types.ContainerSpec{Entrypoint: []string{"sh"}, Command: []string{"-c", "x"}}, []string{"sh"}, []string{"-c", "x"}},
		{"an empty entrypoint leaves the command alone", types.ContainerSpec{Entrypoint: []string{}, Command: []string{"a", "b"}}, []string{"a", "b"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command, args := commandLine(types.ServiceConfig{ContainerSpec: tt.s})
			if diff := cmp.Diff([][]string{tt.command, tt.args}, [][]string{command, args}); diff != "" {
				t.Errorf("command, args (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJobRestart(t *testing.T) {
	for _, tt := range []struct {
		name     string
		s        types.ServiceConfig
		policy   corev1.RestartPolicy
		attempts int32
	}{
		{"a job that says nothing is tried again in new pods", types.ServiceConfig{}, corev1.RestartPolicyNever, 6},
		{"restart no is one attempt", types.ServiceConfig{Restart: "no"}, corev1.RestartPolicyNever, 0},
		{"restart on failure may be counted", types.ServiceConfig{Restart: "on-failure:3"}, corev1.RestartPolicyOnFailure, 3},
		{"restart always ends with success all the same", types.ServiceConfig{Restart: "always"}, corev1.RestartPolicyOnFailure, 6},
		{"the deploy section counts more", types.ServiceConfig{Restart: "no", Deploy: &types.DeployConfig{
			RestartPolicy: &types.RestartPolicy{Condition: "on-failure", MaxAttempts: new(uint64(2))},
		}}, corev1.RestartPolicyOnFailure, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy, attempts := jobRestart(tt.s)
			if policy != tt.policy || attempts != tt.attempts {
				t.Errorf("jobRestart = %s, %d, want %s, %d", policy, attempts, tt.policy, tt.attempts)
			}
		})
	}
}
