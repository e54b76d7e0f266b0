package simulator

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one thing that goes wrong. A request that is refused because it is wrong
// counts for Ordinals, Rate and Times, but it gets the refusal, not the fault.
type Fault struct {
	// Kind is one of FaultKinds, or a status: "503" is short for the kind "answer"
	// with this Status, and with the Code that the service's API reference gives for
	// it, if any.
	Kind string

	Ordinals []int   // strikes the first, second, ... of the requests; counting from 1
	Rate     float64 // strikes this share of them, 0 to 1. With neither Ordinals nor Rate it strikes each

	// The parameters: see Parameters.
	Operation            string
	Times                int
	Status               int
	Code                 string
	Stored               bool
	Delay, Skew          time.Duration
	RetryAfter, Location string
}

// Parameters returns the parameters of f: their names in a text for ParseFault, their
// meanings, and their values, which can be set.
func (f *Fault) Parameters() *flag.FlagSet {
	p := flag.NewFlagSet("", flag.ContinueOnError)
	p.StringVar(&f.Operation, "op", f.Operation, "the operation whose requests it affects, as ticketsim requests names it (default submit)")
	p.IntVar(&f.Times, "times", f.Times, "affects at most this number of requests")
	p.IntVar(&f.Status, "status", f.Status, "the HTTP status, 200 to 599")
	p.StringVar(&f.Code, "code", f.Code, "the error_code; without one, the body is empty")
	p.BoolVar(&f.Stored, "stored", f.Stored, "true: the request is carried out all the same, so a message is posted")
	p.DurationVar(&f.Delay, "delay", f.Delay, "a time")
	p.DurationVar(&f.Skew, "skew", f.Skew, "a time, may be negative")
	p.StringVar(&f.RetryAfter, "retry_after", f.RetryAfter, "the Retry-After header")
	p.StringVar(&f.Location, "location", f.Location, "the Location header")
	return p
}

// ParseFault reads a fault as flags have it: a kind, then @ and ordinals or %
// and a rate, then ? and parameters. For instance:
//
//	lost-answer@1,3
//	503%0.3
//	429@1?retry_after=2
//	500?op=list&times=2
//	200@1?code=OSM.01010014&stored=true
func ParseFault(text string) (Fault, error) {
	var f Fault
	fail := func(err error) (Fault, error) { return Fault{}, fmt.Errorf("fault %q: %w", text, err) }

	selector, settings, _ := strings.Cut(text, "?")
	var ordinals, rate string
	var some bool
	if f.Kind, ordinals, some = strings.Cut(selector, "@"); some {
		for o := range strings.SplitSeq(ordinals, ",") {
			n, err := strconv.Atoi(o)
			if err != nil {
				return fail(err)
			}
			f.Ordinals = append(f.Ordinals, n)
		}
	} else if f.Kind, rate, some = strings.Cut(selector, "%"); some {
		var err error
		if f.Rate, err = strconv.ParseFloat(rate, 64); err != nil {
			return fail(err)
		}
		if f.Rate == 0 {
			return fail(errors.New("the rate must be greater than 0"))
		}
	}
	query, err := url.ParseQuery(settings)
	if err != nil {
		return fail(err)
	}
	parameters := f.Parameters()
	for name, values := range query {
		if parameters.Lookup(name) == nil {
			return fail(fmt.Errorf("unknown parameter %q", name))
		}
		if len(values) > 1 {
			return fail(fmt.Errorf("repeated parameter %q", name))
		}
		if err := parameters.Set(name, values[0]); err != nil {
			return fail(fmt.Errorf("invalid parameter %q: %w", name, err))
		}
	}
	if _, err := f.resolve(); err != nil {
		return fail(err)
	}
	return f, nil
}

// faultState is a resolved fault and what it has seen so far.
type faultState struct {
	Fault
	kind   FaultKind
	seen   int
	struck int
	random *rand.Rand
}

// resolve returns f with its kind and what this implies. It is the one place that knows
// what a number stands for.
func (f Fault) resolve() (*faultState, error) {
	fail := func(format string, more ...any) (*faultState, error) { return nil, fmt.Errorf(format, more...) }
	name := f.Kind
	if status, err := strconv.Atoi(f.Kind); err == nil && f.Status == 0 {
		name, f.Status, f.Code = kindAnswer, status, cmp.Or(f.Code, documentedCodes[status])
	}
	k, known := first(faultKinds, func(k FaultKind) bool { return k.Name == name })
	switch {
	case !known:
		return fail("unknown kind %q", f.Kind)
	case k.Name == kindAnswer && (f.Status < 200 || f.Status > 599):
		return fail("the status must be from 200 to 599")
	case len(f.Code) > 32:
		return fail("the code must have at most 32 characters")
	case f.Operation != "" && f.Operation != OpUnknown && !slices.ContainsFunc(routes, func(r route) bool { return r.op == f.Operation }):
		return fail("unknown operation %q", f.Operation)
	case f.Rate < 0 || f.Rate > 1 || f.Rate != f.Rate:
		return fail("the rate must be from 0 to 1")
	case f.Rate > 0 && len(f.Ordinals) > 0:
		return fail("ordinals and a rate exclude each other")
	case slices.ContainsFunc(f.Ordinals, func(n int) bool { return n < 1 }):
		return fail("ordinals must be at least 1")
	case f.Times < 0 || f.Delay < 0:
		return fail("times and delay must not be negative")
	}
	var surplus string
	f.Parameters().VisitAll(func(p *flag.Flag) {
		unset := slices.Contains([]string{"", "0", "0s", "false"}, p.Value.String())
		if !unset && !slices.Contains(append([]string{"op", "times"}, k.Parameters...), p.Name) {
			surplus = p.Name
		}
	})
	if surplus != "" {
		return fail("%s takes no parameter %q", f.Kind, surplus)
	}
	f.Operation = cmp.Or(f.Operation, OpSubmit)
	f.Stored = f.Stored || k.Name == kindLostAnswer
	return &faultState{Fault: f, kind: k}, nil
}

// SetFaults replaces the faults. Their counts start at zero. If several would answer
// the same request, the first one does. It panics on a fault that ParseFault would
// not return.
func (s *Simulator) SetFaults(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setFaults(faults)
}

// setFaults needs s.mu.
func (s *Simulator) setFaults(faults []Fault) {
	s.opts.Faults = slices.Clone(faults)
	s.faults = nil
	s.skew = 0
	for i, f := range faults {
		state, err := f.resolve()
		if err != nil {
			panic("simulator: fault: " + err.Error())
		}
		state.random = rand.New(rand.NewPCG(s.opts.Seed, uint64(i))) //nolint:gosec // drawn from a seed on purpose
		s.faults = append(s.faults, state)
		if f.Kind == kindSkew {
			s.skew += cmp.Or(f.Skew, 10*time.Minute)
		}
	}
}

// strikes reports whether the fault strikes the next request.
func (f *faultState) strikes() bool {
	f.seen++
	switch {
	case f.Times > 0 && f.struck == f.Times,
		len(f.Ordinals) > 0 && !slices.Contains(f.Ordinals, f.seen),
		f.Rate > 0 && f.random.Float64() >= f.Rate:
		return false
	}
	f.struck++
	return true
}

// drawFault decides which fault strikes this request: the first that would. It
// needs s.mu.
func (ex *exchange) drawFault() {
	for _, f := range ex.faults {
		switch {
		case f.kind.strike == nil || f.Operation != ex.route.op:
		case ex.fault != nil:
			f.seen++
		case f.strikes():
			ex.fault = f
		}
	}
}
