package check

import "nagi.dev/plane/config"

// A state is what is known of an endpoint: it is healthy until it has failed
// often enough in a row, and sick until it has answered often enough.
type state struct {
	sick bool
	row  int // verdicts against the state, in a row
}

// see takes in a verdict and reports whether the state has changed.
func (s *state) see(ok bool, spec *config.ActiveCheck) (changed bool) {
	if ok != s.sick {
		s.row = 0
		return false
	}
	need := max(spec.Healthy, 1)
	if !s.sick {
		if need = spec.Unhealthy; need == 0 {
			need = 2
		}
	}
	if s.row++; s.row < need {
		return false
	}
	s.sick, s.row = !s.sick, 0
	return true
}
