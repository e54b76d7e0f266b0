package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// check reports what is wrong with a value. The error's text continues a sentence
// that begins with the value's name. It never repeats the value, which may be a
// secret. Attributes use a check as a validator, environment variables call it.
type check func(string) error

var _ validator.String = check(nil)

func (check) Description(context.Context) string         { return "" }
func (check) MarkdownDescription(context.Context) string { return "" }

// ValidateString accepts null and unknown values.
func (c check) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := c(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, invalidError+req.Path.String(), "The value of "+req.Path.String()+" "+err.Error()+".")
	}
}

func all(checks ...check) check {
	return func(s string) error {
		for _, c := range checks {
			if err := c(s); err != nil {
				return err
			}
		}
		return nil
	}
}

// length counts characters: Unicode code points, as the service does.
func length(lowest, highest int) check {
	return func(s string) error {
		if n := utf8.RuneCountInString(s); n < lowest || n > highest {
			return fmt.Errorf("must have %d to %d characters, but has %d", lowest, highest, n)
		}
		return nil
	}
}

func noControl(s string) error {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return errors.New("contains a line break or another control character; remove it")
	}
	return nil
}

// notBlank refuses a value without a visible character.
func notBlank(s string) error {
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }) {
		return errors.New("must contain at least one visible character")
	}
	return nil
}

// isTicketID refuses a URL or white space that was pasted with the ID, and dot
// segments, which would change the request's path.
func isTicketID(s string) error {
	switch {
	case strings.Contains(s, "://"):
		return errors.New(`must be a ticket ID such as "TT201801020526", not a URL`)
	case s == "." || s == "..":
		return errors.New(`must be a ticket ID, not "." or ".."`)
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with white space; remove it")
	}
	return nil
}

func endpoint(s string) error {
	_, err := servicerequest.ParseEndpoint(s)
	return err
}

func oneOf(values ...string) check {
	return func(s string) error {
		for _, v := range values {
			if s == v {
				return nil
			}
		}
		return fmt.Errorf(`must be "%s"`, strings.Join(values, `" or "`))
	}
}

func duration(lowest, highest time.Duration) check {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return errors.New(`must be a duration such as "30s" or "5m"; write a day as "24h"`)
		}
		if d < lowest || d > highest {
			return fmt.Errorf("must be between %s and %s", lowest, highest)
		}
		return nil
	}
}

const maxMaxRetries = 100

func inRange(n, lowest, highest int64) error {
	if n < lowest || n > highest {
		return fmt.Errorf("must be between %d and %d", lowest, highest)
	}
	return nil
}
