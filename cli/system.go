package cli

import (
	"strings"

	"nagi.dev/internal/version"
)

// systemImages are the images that the program makes of itself, by what they
// are, with the names that a cluster knows them by when nobody says otherwise.
var systemImages = map[string]string{"plane": version.PlaneImage(), "platform": version.PlatformImage()}

// systemImage names one of them; registry, if any, replaces the first part of
// its name: registry.example/team.
func systemImage(what, registry string) (SystemImage, error) {
	name, ok := systemImages[what]
	if !ok {
		return SystemImage{}, usage("there is no image %q of the system; there are plane and platform", what)
	}
	if registry != "" {
		_, rest, _ := strings.Cut(name, "/")
		name = strings.TrimSuffix(registry, "/") + "/" + rest
	}
	return SystemImage{What: what, Name: name}, nil
}

// systemImagesOf is systemImage for several; none means all.
func systemImagesOf(whats []string, registry string) ([]SystemImage, error) {
	if len(whats) == 0 {
		whats = []string{"plane", "platform"}
	}
	var out []SystemImage
	for _, w := range whats {
		i, err := systemImage(w, registry)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}
