package compose

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

var (
	lineInText = regexp.MustCompile(`line (\d+)`)
	yamlNoise  = regexp.MustCompile(`(while [^:]*?(at <unknown position>|at line \d+(, column \d+)?)(: )?|^yaml: |line \d+(, column \d+)?: )`)
)

// syntaxFault turns an error of the YAML parser into a line and a sentence.
// The parser counts the lines of faulty structure from 0 and those of faulty
// characters from 1.
func syntaxFault(err error, data []byte, lines int) (int, string) {
	text := err.Error()
	msg := strings.TrimSpace(yamlNoise.ReplaceAllString(text, ""))
	found := lineInText.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		return bisect(err, data), friendlySyntax(msg)
	}
	line, _ := strconv.Atoi(found[len(found)-1][1])
	if strings.Contains(text, "while parsing") {
		line++
	}
	return min(max(line, 1), lines), friendlySyntax(msg)
}

// friendlySyntax says the commonest faults in words for people.
func friendlySyntax(msg string) string {
	for part, plain := range map[string]string{
		"cannot start any token":    "a tab, @ or ` cannot stand here; indent with spaces and quote such text",
		"mapping values are not":    "a second colon in one line; quote the value or begin a new line",
		"did not find expected key": "the indentation does not match the lines above",
		"unexpected end of stream":  "a quote is opened here and never closed",
		"control characters":        "control characters are not allowed",
	} {
		if strings.Contains(msg, part) {
			return "not YAML: " + plain
		}
	}
	return "not YAML: " + msg
}

// bisect finds the line of an error that has none: the first one with which
// the text goes wrong in the same way.
func bisect(want error, data []byte) int {
	const small = 1 << 16 // larger files are parsed too slowly for that
	if len(data) > small {
		return 1
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		var n yaml.Node
		err := yaml.Unmarshal(bytes.Join(lines[:i+1], nil), &n)
		return err != nil && err.Error() == want.Error()
	})
}

// variableFault says what is wrong with a ${VARIABLE}.
func variableFault(err error, text string) string {
	if errors.Is(err, errManyVariables) {
		return err.Error()
	}
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) {
		msg := fmt.Sprintf("the variable %s is not set", missing.Variable)
		if missing.Reason != "" {
			msg += ": " + missing.Reason
		}
		return msg
	}
	return fmt.Sprintf(`%q is not a variable; write "${NAME}", or "$$" for a dollar sign`, text)
}

// envFault shortens what dotenv says.
func envFault(err error) string {
	return strings.TrimPrefix(err.Error(), "failed to read ")
}

var (
	pathInText    = regexp.MustCompile(`\b(services|networks|volumes|configs|secrets|jobs|models|include)[.\[][^\s:,'"]+`)
	serviceInText = regexp.MustCompile(`(?:service|job) "([^"]+)"`)
)

// explain gives a place to an error of compose-go. Most faults are found
// before it reads the files; this is the net below.
func (s *Source) explain(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	text := firstLine(err.Error())
	for _, f := range s.files {
		text = strings.ReplaceAll(text, "validating "+cmp.Or(f.abs, "-")+": ", "")
	}
	var at path
	if found := pathInText.FindString(text); found != "" {
		at = splitPath(found)
		text = strings.TrimLeft(strings.Replace(text, found, "", 1), ": '`")
	} else if m := serviceInText.FindStringSubmatch(text); m != nil {
		at = path{"services", m[1]}
	}
	return s.fault(at, strings.TrimSpace(text))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// splitPath reads services.web.ports[0], services[web].ports and the like.
func splitPath(text string) path {
	return slices.DeleteFunc(strings.FieldsFunc(text, func(r rune) bool {
		return r == '.' || r == '[' || r == ']'
	}), func(s string) bool { return s == "" })
}
