package simulator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is one thing that goes wrong. A request that is refused because it is wrong
// counts for Ordinals, Rate and Times, but it gets the refusal, not the fault.
type Fault struct {
	Kind      string  // one of FaultKinds
	Operation string  // the requests that it strikes; "" is the kind's default
	Ordinals  []int   // strikes the first, second, ... of those requests; counting from 1
	Rate      float64 // strikes this share of them, 0 to 1. With neither Ordinals nor Rate it strikes each
	Times     int     // strikes at most this often; 0 is no limit

	// Delay is a duration; the kind's Doc says of what. 0 is the kind's default: 3 s
	// for late-list, 5 s for placeholder, 10 s for the kinds that commit late, 100 ms
	// for latency. For slow, 0 lasts until the client closes the connection.
	Delay time.Duration

	Skew       time.Duration // clock-skew, time-offset: 0 is 10 min; it may be negative
	RetryAfter string        // the Retry-After header of an error status; "" is none
	Location   string        // of a redirect; "" is another path of this server
}

// struckKind is a kind that strikes a request, with the fault's settings.
type struckKind struct {
	*faultKind
	fault Fault
}

// faultState is a fault and what it has seen so far.
type faultState struct {
	Fault
	kind   *faultKind
	seen   int
	struck int
	random *rand.Rand
}

func newFaultState(f Fault, seed uint64, index int) *faultState {
	if err := f.validate(); err != nil {
		panic("simulator: " + err.Error())
	}
	return &faultState{Fault: f, kind: findKind(f.Kind), random: rand.New(rand.NewPCG(seed, uint64(index)))} //nolint:gosec // drawn from a seed on purpose
}

// SetFaults replaces the faults. Their counts start at zero. If several would answer
// the same request, the first one does. It panics on a fault that ParseFault would
// not return.
func (s *Simulator) SetFaults(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	s.skew = 0
	for i, f := range faults {
		f.Ordinals = slices.Clone(f.Ordinals)
		s.faults = append(s.faults, newFaultState(f, s.opts.Seed, i))
		if f.Kind == kindSkew {
			s.skew += cmp.Or(f.Skew, findKind(f.Kind).skew)
		}
	}
}

func (f Fault) validate() error {
	switch {
	case findKind(f.Kind) == nil:
		return fmt.Errorf("unknown kind of fault %q", f.Kind)
	case f.Operation != "" && f.Operation != OpUnknown && !slices.ContainsFunc(routes, func(r route) bool { return r.op == f.Operation }):
		return fmt.Errorf("fault %s: unknown operation %q", f.Kind, f.Operation)
	case f.Rate < 0 || f.Rate > 1 || f.Rate != f.Rate:
		return fmt.Errorf("fault %s: the rate must be from 0 to 1", f.Kind)
	case f.Rate > 0 && len(f.Ordinals) > 0:
		return fmt.Errorf("fault %s: ordinals and a rate exclude each other", f.Kind)
	case slices.ContainsFunc(f.Ordinals, func(n int) bool { return n < 1 }):
		return fmt.Errorf("fault %s: ordinals must be at least 1", f.Kind)
	case f.Times < 0 || f.Delay < 0:
		return fmt.Errorf("fault %s: times and delay must not be negative", f.Kind)
	}
	return nil
}

// matches reports whether the fault is about requests of this operation.
func (f *faultState) matches(op string) bool {
	if f.Operation != "" {
		return f.Operation == op
	}
	return f.kind.Operation == "" || f.kind.Operation == op || f.kind.also == op
}

// strikes reports whether the fault strikes the next request.
func (f *faultState) strikes() bool {
	f.seen++
	if f.Times > 0 && f.struck == f.Times {
		return false
	}
	switch {
	case len(f.Ordinals) > 0 && !slices.Contains(f.Ordinals, f.seen),
		f.Rate > 0 && f.random.Float64() >= f.Rate:
		return false
	}
	f.struck++
	return true
}

// drawFaults decides what strikes this request: any number of conditions, and the
// first fault that answers. It needs s.mu.
func (ex *exchange) drawFaults() {
	ex.struck = map[string]Fault{}
	answered := false
	for _, f := range ex.s.faults {
		if f.Kind == kindSkew || !f.matches(ex.op) {
			continue
		}
		if f.kind.strike != nil && answered {
			f.seen++
			continue
		}
		if !f.strikes() {
			continue
		}
		strike := f.Fault
		strike.Delay = cmp.Or(f.Delay, f.kind.delay)
		strike.Skew = cmp.Or(f.Skew, f.kind.skew)
		ex.struck[f.Kind] = strike
		if f.kind.strike != nil {
			answered = true
			continue
		}
		ex.noteFault(f.Kind)
		if f.Kind == kindRandomOrder {
			ex.draw = f.random.Uint64()
		}
	}
	if len(ex.struck) == 0 {
		return
	}
	for i := range faultKinds {
		if f, ok := ex.struck[faultKinds[i].Name]; ok {
			ex.inOrder = append(ex.inOrder, struckKind{&faultKinds[i], f})
		}
	}
}

// noteFault needs s.mu.
func (ex *exchange) noteFault(kind string) {
	if ex.record.Fault != "" {
		kind = ex.record.Fault + "+" + kind
	}
	ex.record.Fault = kind
}

// fault returns the fault that would answer this request.
func (ex *exchange) fault() (Fault, *faultKind) {
	for _, k := range ex.inOrder {
		if k.strike != nil {
			return k.fault, k.faultKind
		}
	}
	return Fault{}, nil
}
