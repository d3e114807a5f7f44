package web

import (
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/config"
)

// A hedge is a config.Hedge with its budget and what it has seen.
type hedge struct {
	spec   config.Hedge
	budget *balance.Budget
	seen   *balance.Quantile
}

func newHedge(spec *config.Hedge) *hedge {
	if spec == nil {
		return nil
	}
	q, share := spec.Quantile, spec.Budget
	if q == 0 {
		q = 0.95
	}
	if share == 0 {
		share = 2
	}
	// A quantile that more requests exceed than may be hedged would spend the
	// budget on the merely slower ones, before the really slow are found out.
	q = max(q, 1-share/100*0.9)
	return &hedge{spec: *spec, budget: balance.NewHedgeBudget(share), seen: balance.NewQuantile(q)}
}

// delay is how long the first answer is waited for. As long as nothing is
// known, it is long enough to hedge nothing but a standstill.
func (h *hedge) delay() time.Duration {
	if h.spec.After > 0 {
		return time.Duration(h.spec.After)
	}
	if v := h.seen.Value(); v > 0 {
		return max(v, time.Millisecond)
	}
	return 100 * time.Millisecond
}
