package simulator

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one thing going wrong. A request that is refused for what it is
// counts for Ordinals, Rate and Times, but the refusal is what it gets.
type Fault struct {
	Kind      string  // one of FaultKinds
	Operation string  // which requests it strikes; "" is the kind's own default
	Ordinals  []int   // strikes the first, second, ... of those requests; counting from 1
	Rate      float64 // strikes this share of them, 0 to 1. With neither Ordinals nor Rate it strikes each
	Times     int     // strikes at most this often; 0 is no limit

	Delay      time.Duration // slow: until the answer, 0 is until the client leaves; late-list: 0 is 3 s; latency: 0 is 100 ms
	Skew       time.Duration // clock-skew: 0 is 10 min; it may be negative
	RetryAfter string        // the Retry-After header of an error status; "" is none
	Location   string        // of a redirect; "" is another path of this server
}

// FaultKind describes a kind of fault.
type FaultKind struct {
	Name      string
	Operation string // which requests it strikes by default; "" is any
	Committed bool   // a submit that it strikes does put the message on the ticket
	Doc       string
}

type faultKind struct {
	FaultKind
	also string // a second default operation

	// strike answers instead of the operation, whose own answer is a when it
	// was carried out. nil is a condition: what it does is done where it
	// matters.
	strike func(ex *exchange, f Fault, a *answer)
}

const (
	kindLateList  = "late-list"
	kindStrips    = "list-strips"
	kindEscapes   = "list-escapes"
	kindTruncates = "list-truncates"
	kindNoTimes   = "unreadable-times"
	kindZoneless  = "zoneless-times"
	kindNoDate    = "no-date"
	kindSkew      = "clock-skew"
	kindLatency   = "latency"
)

// faultKinds is every kind, in the order of help texts. The statuses and codes
// are those of the service's API reference.
var faultKinds = []faultKind{
	{FaultKind: FaultKind{"lost-answer", OpSubmit, true, "connection closed without an answer"}, strike: strikeCut},
	{FaultKind: FaultKind{"cut", OpSubmit, false, "connection closed without an answer, once the request was read"}, strike: strikeCut},
	{FaultKind: FaultKind{"500-committed", OpSubmit, true, "status 500"}, strike: strikeError(500, "OSM.0004", "Internal error")},
	{FaultKind: FaultKind{"502-committed", OpSubmit, true, "status 502 of the gateway"}, strike: strikeError(502, "APIGW.0201", "Backend unavailable")},
	{FaultKind: FaultKind{"504-committed", OpSubmit, true, "status 504 of the gateway"}, strike: strikeError(504, "APIGW.0201", "Backend timeout")},
	{FaultKind: FaultKind{"500", OpSubmit, false, "status 500"}, strike: strikeError(500, "OSM.0004", "Internal error")},
	{FaultKind: FaultKind{"502", OpSubmit, false, "status 502 of the gateway"}, strike: strikeError(502, "APIGW.0201", "Backend unavailable")},
	{FaultKind: FaultKind{"504", OpSubmit, false, "status 504 of the gateway"}, strike: strikeError(504, "APIGW.0201", "Backend timeout")},
	{FaultKind: FaultKind{"503", OpSubmit, false, "status 503 of the gateway (retry_after)"}, strike: strikeError(503, "APIGW.0613", "Service unavailable")},
	{FaultKind: FaultKind{"429", OpSubmit, false, "status 429 of the gateway (retry_after)"}, strike: strikeError(429, "APIGW.0308", "Request throttled")},
	{FaultKind: FaultKind{"failed-committed", OpSubmit, true, "status 200 with the code of a failed operation"}, strike: strikeError(200, "OSM.01010014", "Operation failed")},
	{FaultKind: FaultKind{"failed", OpSubmit, false, "status 200 with the code of a failed operation"}, strike: strikeError(200, "OSM.01010014", "Operation failed")},
	{FaultKind: FaultKind{"slow-committed", OpSubmit, true, "done at once, but answered after delay, or never"}, strike: strikeSlow},
	{FaultKind: FaultKind{"slow", OpSubmit, false, "status 504 after delay, or no answer at all"}, strike: strikeSlow},
	{FaultKind: FaultKind{"truncated-committed", OpSubmit, true, "status 200 with a body that ends in the middle"}, strike: strikeTruncated},
	{FaultKind: FaultKind{"truncated", OpSubmit, false, "status 200 with a body that ends in the middle"}, strike: strikeTruncated},
	{FaultKind: FaultKind{"html", OpSubmit, false, "status 200 with the page of a captive portal"}, strike: strikeHTML},
	{FaultKind: FaultKind{"html-committed", OpSubmit, true, "status 200 with the page of a captive portal"}, strike: strikeHTML},
	{FaultKind: FaultKind{"huge-committed", OpSubmit, true, "status 200 with a body of 100 MB"}, strike: strikeHuge},
	{FaultKind: FaultKind{"redirect", OpSubmit, false, "status 307 (location)"}, strike: strikeRedirect},
	{FaultKind: FaultKind{"401", OpSubmit, false, "status 401"}, strike: strikeError(401, "OSM.0002", "Authentication failed")},
	{FaultKind: FaultKind{"403", OpSubmit, false, "status 403"}, strike: strikeError(403, "OSM.0003", "Forbidden")},

	{FaultKind: FaultKind{kindLateList, OpList, false, "a message shows up only delay after its create_time; the detail too"}, also: OpDetail},
	{FaultKind: FaultKind{"list-denied", OpList, false, "status 403"}, strike: strikeError(403, "OSM.0003", "Forbidden")},
	{FaultKind: FaultKind{kindStrips, OpList, false, "content without its markup, even when it was asked for"}},
	{FaultKind: FaultKind{kindEscapes, OpList, false, "content HTML-escaped"}},
	{FaultKind: FaultKind{kindTruncates, OpList, false, "content cut to 400 characters"}},
	{FaultKind: FaultKind{kindNoTimes, OpList, false, "create_time is not a time"}},
	{FaultKind: FaultKind{kindZoneless, OpList, false, "create_time without a zone, in that of X-Time-Zone"}},
	{FaultKind: FaultKind{kindNoDate, "", true, "no Date header"}},
	{FaultKind: FaultKind{kindSkew, "", true, "the service's clock is off by skew; always"}},
	{FaultKind: FaultKind{kindLatency, "", true, "every answer comes after delay"}},
}

// FaultKinds returns every kind of fault.
func FaultKinds() []FaultKind {
	out := make([]FaultKind, len(faultKinds))
	for i, k := range faultKinds {
		out[i] = k.FaultKind
	}
	return out
}

func findKind(name string) *faultKind {
	for i := range faultKinds {
		if faultKinds[i].Name == name {
			return &faultKinds[i]
		}
	}
	return nil
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

// SetFaults replaces the faults, and counts for them from now on. Where several
// would answer the same request, the first does. It panics on one that
// ParseFault would not return.
func (s *Simulator) SetFaults(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	s.skew = 0
	for i, f := range faults {
		f.Ordinals = slices.Clone(f.Ordinals)
		s.faults = append(s.faults, newFaultState(f, s.opts.Seed, i))
		if f.Kind == kindSkew {
			if f.Skew == 0 {
				f.Skew = 10 * time.Minute
			}
			s.skew += f.Skew
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
		return fmt.Errorf("fault %s: either ordinals or a rate", f.Kind)
	case slices.ContainsFunc(f.Ordinals, func(n int) bool { return n < 1 }):
		return fmt.Errorf("fault %s: ordinals count from 1", f.Kind)
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

// strikes decides about the next request.
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

// drawFaults notes what strikes this request: any conditions, and the first
// fault that answers. It needs s.mu.
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
		switch {
		case f.kind.strike != nil:
			answered = true
		case f.Kind == kindLateList && f.Delay == 0:
			strike.Delay = 3 * time.Second
		case f.Kind == kindLatency && f.Delay == 0:
			strike.Delay = 100 * time.Millisecond
		}
		ex.struck[f.Kind] = strike
		if f.kind.strike == nil {
			ex.noteFault(f.Kind)
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
	for name, f := range ex.struck {
		if k := findKind(name); k.strike != nil {
			return f, k
		}
	}
	return Fault{}, nil
}

func strikeCut(ex *exchange, _ Fault, _ *answer) { ex.cut() }

func strikeError(status int, code, msg string) func(*exchange, Fault, *answer) {
	return func(ex *exchange, f Fault, _ *answer) {
		a := refuse(status, code, msg)
		if f.RetryAfter != "" {
			a.header = map[string]string{"Retry-After": f.RetryAfter}
		}
		ex.send(a)
	}
}

func strikeSlow(ex *exchange, f Fault, a *answer) {
	ex.wait(f.Delay)
	if a == nil {
		a = refuse(504, "APIGW.0201", "Backend timeout")
	}
	ex.send(a)
}

func strikeTruncated(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "application/json", map[string]string{"Content-Length": "64"})
	_, _ = ex.w.Write([]byte(`{"error_code":"`))
}

func strikeHTML(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "text/html; charset=utf-8", nil)
	_, _ = ex.w.Write([]byte("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Welcome to the guest network</h1></body></html>\n"))
}

func strikeHuge(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "application/json", nil)
	_, _ = ex.w.Write([]byte(`{"error_code":"","error_msg":"`))
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		if _, err := ex.w.Write(chunk); err != nil {
			return // the client has had enough
		}
	}
	_, _ = ex.w.Write([]byte(`"}`))
}

func strikeRedirect(ex *exchange, f Fault, _ *answer) {
	if f.Location == "" {
		f.Location = "/elsewhere"
	}
	ex.begin(http.StatusTemporaryRedirect, "text/html", map[string]string{"Location": f.Location})
}

// ParseFault reads a fault as flags have it: a kind, then @ and ordinals or %
// and a rate, then ? and settings (op, times, delay, skew, retry_after,
// location). For instance:
//
//	lost-answer@1,3
//	503%0.3
//	429@1?retry_after=2
//	500?op=list&times=2
//	late-list?delay=3s
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
			return fail(fmt.Errorf("a rate of 0 never strikes"))
		}
	}
	query, err := url.ParseQuery(settings)
	if err != nil {
		return fail(err)
	}
	for name, values := range query {
		if len(values) > 1 {
			return fail(fmt.Errorf("repeated setting %q", name))
		}
		switch v := values[0]; name {
		case "op":
			f.Operation = v
		case "times":
			f.Times, err = strconv.Atoi(v)
		case "delay":
			f.Delay, err = time.ParseDuration(v)
		case "skew":
			f.Skew, err = time.ParseDuration(v)
		case "retry_after":
			f.RetryAfter = v
		case "location":
			f.Location = v
		default:
			err = fmt.Errorf("unknown setting %q", name)
		}
		if err != nil {
			return fail(err)
		}
	}
	if err := f.validate(); err != nil {
		return fail(err)
	}
	return f, nil
}
