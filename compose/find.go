package compose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
)

// The names under which compose finds a file by itself, best first.
var (
	defaultNames  = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	overrideNames = []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
)

// findFiles makes l.Files absolute, or fills it as compose does.
func (l *load) findFiles() error {
	if len(l.Files) == 0 && l.env["COMPOSE_FILE"] != "" {
		sep := l.env["COMPOSE_PATH_SEPARATOR"]
		if sep == "" {
			sep = string(os.PathListSeparator)
		}
		l.Files = strings.Split(l.env["COMPOSE_FILE"], sep)
	}
	var files []string
	for _, name := range l.Files {
		if name != "-" {
			name = l.abs(name)
		}
		files = append(files, name)
	}
	if l.Files = files; len(files) > 0 {
		return nil
	}
	return l.findDefault()
}

// findDefault looks for a file in the folder and those above it.
func (l *load) findDefault() error {
	start := l.WorkDir
	if l.ProjectDir != "" {
		start = l.abs(l.ProjectDir)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if name := firstOf(dir, defaultNames); name != "" {
			l.Files = []string{name}
			if over := firstOf(dir, overrideNames); over != "" {
				l.Files = append(l.Files, over)
			}
			return nil
		}
		if dir == filepath.Dir(dir) {
			return fmt.Errorf("find compose file: no %s in %s or above; name one with -f", strings.Join(defaultNames, ", "), start)
		}
	}
}

func firstOf(dir string, names []string) string {
	for _, name := range names {
		if abs := filepath.Join(dir, name); regular(abs) == nil {
			return abs
		}
	}
	return ""
}

// readEnvFiles adds the variables of the env files, or of the one in dir.
// Variables that are set already win.
func (l *load) readEnvFiles(dir string) error {
	names := l.EnvFiles
	if list := l.env["COMPOSE_ENV_FILES"]; len(names) == 0 && list != "" {
		names = strings.Split(list, ",")
	}
	if len(names) == 0 {
		off, _ := strconv.ParseBool(l.env["COMPOSE_DISABLE_ENV_FILE"])
		if own := filepath.Join(dir, ".env"); !off && regular(own) == nil {
			names = []string{own}
		}
	}
	for _, name := range names {
		if err := l.readEnvFile(l.abs(name)); err != nil {
			return err
		}
	}
	return nil
}

// chooseProfiles fills Profiles from the environment.
func (l *load) chooseProfiles() {
	if len(l.Profiles) > 0 {
		return
	}
	for name := range strings.SplitSeq(l.env["COMPOSE_PROFILES"], ",") {
		if name = strings.TrimSpace(name); name != "" {
			l.Profiles = append(l.Profiles, name)
		}
	}
}

func (l *load) readEnvFile(abs string) error {
	show := (&scanner{workDir: l.WorkDir}).show(abs)
	if err := regular(abs); err != nil {
		return &Error{File: show, Msg: err.Error()}
	}
	if err := smallText(abs); err != nil {
		return &Error{File: show, Msg: err.Error()}
	}
	more, err := dotenv.GetEnvFromFile(l.env, []string{abs})
	if err != nil {
		line, msg := envFileFault(err)
		return &Error{File: show, Line: line, Msg: msg}
	}
	l.env.Merge(more)
	return nil
}

// smallText refuses files that no one wrote as a list of variables.
func smallText(abs string) error {
	data, err := readFile(abs)
	if err != nil {
		return err
	}
	if i := strings.IndexByte(string(data), 0); i >= 0 {
		return errors.New("is not a text file")
	}
	return nil
}

// envFileFault takes the line out of what dotenv says.
func envFileFault(err error) (line int, msg string) {
	msg = err.Error()
	m := lineInText.FindStringSubmatchIndex(msg)
	if m == nil {
		return 0, msg
	}
	line, _ = strconv.Atoi(msg[m[2]:m[3]])
	return line, strings.TrimLeft(msg[m[1]:], ": ")
}

// expander returns the function that fills variables into texts of f, and
// notes those that have no value.
func (s *scanner) expander(f *file, env lookup) func(string, path, int) (string, error) {
	return func(text string, at path, line int) (string, error) {
		for l := range strings.Lines(text) {
			s.source.filled += strings.Count(l, "$") * len(l)
		}
		if s.source.filled > maxVariables {
			return "", errManyVariables
		}
		return fillIn(text, env, func(name string) {
			s.source.unset = append(s.source.unset, Entry{
				File: f.name, Line: line, Path: at.String(), Verdict: Approximated,
				Reason: fmt.Sprintf("the variable %s is not set and reads as empty", name),
			})
		})
	}
}

var errManyVariables = errors.New("has too many variables, or too many in one long line")

// substitute is compose-go's, without its log.
func substitute(text string, env template.Mapping) (string, error) {
	return fillIn(text, lookup(env), func(string) {})
}

// fillIn fills in the variables and calls unset for each that has no value
// and no default.
func fillIn(text string, env lookup, unset func(name string)) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	replace := func(part string, m template.Mapping, c *template.Config) (string, error) {
		value, ok, err := template.DefaultReplacementAppliedFunc(part, m, c)
		if err == nil && !ok {
			unset(strings.Trim(part, "${}"))
		}
		return value, err
	}
	return template.SubstituteWithOptions(text, template.Mapping(env), template.WithoutLogging, template.WithReplacementFunction(replace))
}
