package web

import (
	"errors"

	"nagi.dev/plane/balance"
)

// attempt picks an endpoint and sends it what is there of the request.
func (x *exchange) attempt() {
	e := x.client.s
	pool := x.route.arms[x.arm].pool
	a := &e.ask
	a.Now, a.Key, a.Sticky, a.Tried, a.Read = e.now(), x.key, x.home, x.tried, x.read
	ep, err := pool.Pick(*a)
	if err != nil {
		x.refused(err)
		return
	}
	x.ep, x.back, x.picked = ep, e.backend(ep, pool), e.l.Now()
	x.back.want(x)
}

func (x *exchange) refused(err error) {
	if refusal, ok := errors.AsType[balance.Refusal](err); ok {
		x.fail(503, refusal.Error())
		return
	}
	x.fail(503, err.Error())
}

// attach gives the exchange the connection that it is sent on.
func (x *exchange) attach(u *upstream) {
	x.up, u.x = u, x
	u.begin()
	u.c.Write(x.head)
	if len(x.kept) > 0 {
		u.c.Write(x.kept)
	}
	if x.route.retry == nil && x.sent {
		x.kept = x.kept[:0]
	}
	if !x.sent {
		x.client.c.Resume()
	}
}

// drop ends the attempt: whoever was asked is not waited for any more.
func (x *exchange) drop(o balance.Outcome) {
	if x.ep == nil {
		return
	}
	if x.up != nil {
		u := x.up
		x.up, u.x = nil, nil
		u.c.Close(nil)
	} else {
		x.back.forget(x)
	}
	x.done(o)
}

// done tells the pool how the attempt ended.
func (x *exchange) done(o balance.Outcome) {
	s := x.client.s
	x.route.arms[x.arm].pool.Done(x.ep, o, s.l.Now()-x.picked, s.now())
	x.tried = append(x.tried, x.ep)
	x.ep, x.back = nil, nil
}

// may reports whether the policy and its budget allow another attempt, and
// takes it from the budget. began says that the endpoint may have seen the
// request.
func (x *exchange) may(began bool) bool {
	r := x.route.retry
	if r == nil || x.answered || x.retries >= r.attempts || !x.whole || began && !x.safe {
		return false
	}
	return r.budget.Take(x.client.s.now())
}

// again makes another attempt.
func (x *exchange) again() {
	x.retries++
	x.route.stats.retries.add()
	x.wait()
	x.attempt()
}

// lost is called when the connection to the endpoint ended before its answer
// began. used says that the connection had served before: then the endpoint may
// have closed it for idleness, which is nobody's fault.
func (x *exchange) lost(connected, used bool, cause error) {
	x.up = nil
	if used && x.safe && x.whole && x.retries == 0 && len(x.tried) == 0 {
		x.done(balance.Neutral)
		x.tried = x.tried[:0]
		x.attemptFresh()
		return
	}
	x.done(balance.Failed)
	r := x.route.retry
	if r != nil && (!connected && r.connect || connected && r.reset) && x.may(connected) {
		x.again()
		return
	}
	if !connected {
		x.fail(502, "no connection to the endpoint: "+reason(cause))
		return
	}
	x.fail(502, "the endpoint closed the connection without an answer")
}

// attemptFresh tries once more, on a new connection.
func (x *exchange) attemptFresh() {
	x.client.s.fresh = true
	x.attempt()
	x.client.s.fresh = false
}

// reason is an error without the addresses that are nobody's business.
func reason(err error) string {
	var timeout interface{ Timeout() bool }
	if err == nil {
		return "closed"
	}
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	return "refused"
}
