package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

const defaultConfig = "/etc/nagi/config.yaml"

// settingKeys are the flags that may also stand in the environment, as
// NAGI_DATA_DIR, and in the file of settings, as data-dir.
var settingKeys = []string{
	"data-dir", "listen", "api-port", "control-only", "bare", "node-name", "log-level", "cert-lifetime",
	"build-idle", "build-as-root",
}

// settle fills the flags that the command line left out from the environment,
// then from the file of settings.
func (a *app) settle(cmd *cobra.Command, _ []string) error {
	if a.version && cmd.HasParent() {
		return usage("unknown flag: --version; nagi version prints it")
	}
	if f := os.Getenv("NAGI_CONFIG"); f != "" && !cmd.Flags().Changed("config") {
		a.config = f
	}
	file, err := readSettings(a.config)
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range settingKeys {
		f := cmd.Flags().Lookup(key)
		if f == nil || f.Changed {
			continue
		}
		errs = append(errs, setFrom(f, a.config, file))
	}
	return errors.Join(errs...)
}

// setFrom gives f its value from the environment, else from file.
func setFrom(f *pflag.Flag, name string, file map[string]string) error {
	from := "NAGI_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
	value, ok := os.LookupEnv(from)
	if !ok || value == "" {
		from, value = name+": "+f.Name, file[f.Name]
	}
	if value == "" {
		return nil
	}
	if err := f.Value.Set(value); err != nil {
		return usage("%s: %q: %v", from, value, err)
	}
	return nil
}

// readSettings returns the values of a settings file as flags take them.
func readSettings(name string) (map[string]string, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("read settings %s: %w", name, err)
	}
	values := map[string]string{}
	for key, v := range raw {
		if !slices.Contains(settingKeys, key) {
			return nil, usage("%s: unknown setting %q; known are %s", name, key, strings.Join(settingKeys, ", "))
		}
		values[key] = flagText(v)
	}
	return values, nil
}

// flagText writes a YAML value as a flag has it: a list with commas.
func flagText(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	words := make([]string, len(list))
	for i, e := range list {
		words[i] = fmt.Sprint(e)
	}
	return strings.Join(words, ",")
}
