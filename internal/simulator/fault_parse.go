package simulator

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

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
			return fail(fmt.Errorf("the rate must be greater than 0"))
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
