package provider

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// check reports what is wrong with a value. The error's text continues a sentence
// that begins with the value's name. It never repeats the value, which may be a
// secret. Attributes use a check as a validator, environment variables call it.
type check func(string) error

var (
	_ validator.String = check(nil)
	_ validator.Number = check(nil)
)

func (check) Description(context.Context) string         { return "" }
func (check) MarkdownDescription(context.Context) string { return "" }

// ValidateString accepts null and unknown values.
func (c check) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if known(req.ConfigValue) {
		resp.Diagnostics.Append(c.validate(req.Path, req.ConfigValue.ValueString()))
	}
}

// ValidateNumber checks the text of a number. It accepts null and unknown values.
func (c check) ValidateNumber(_ context.Context, req validator.NumberRequest, resp *validator.NumberResponse) {
	if known(req.ConfigValue) {
		resp.Diagnostics.Append(c.validate(req.Path, req.ConfigValue.ValueBigFloat().Text('f', -1)))
	}
}

// validate returns nil if the text is right.
func (c check) validate(at path.Path, text string) diag.Diagnostic {
	err := c(text)
	if err == nil {
		return nil
	}
	return diag.NewAttributeErrorDiagnostic(at, invalidError+at.String(), "The value of "+at.String()+" "+err.Error()+".")
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

// optional is length for an attribute that can be left out.
func optional(highest int) check { return all(notEmpty, length(1, highest)) }

// wrongIf refuses a value for which wrong is true.
func wrongIf(wrong func(string) bool, text string) check {
	return func(s string) error {
		if wrong(s) {
			return errors.New(text)
		}
		return nil
	}
}

// without refuses a value with an unwanted character. format has a verb for the first one.
func without(unwanted func(rune) bool, format string) check {
	return func(s string) error {
		if i := strings.IndexFunc(s, unwanted); i >= 0 {
			r, _ := utf8.DecodeRuneInString(s[i:])
			return fmt.Errorf(format, r)
		}
		return nil
	}
}

var (
	// clean refuses what comes along when a value is copied, and what nobody sees.
	clean = all(noControl, trimmed, noInvisible, noDecoration)

	// noControl is for a value that is sent as a header or in a path: a line break would
	// begin another header.
	noControl = wrongIf(func(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) },
		"contains a line break or another control character; remove it")
	trimmed     = wrongIf(func(s string) bool { return strings.TrimSpace(s) != s }, "begins or ends with white space; remove it")
	noInvisible = without(isInvisible, "contains the invisible character %U; remove it")

	// visibleASCII refuses characters that only look like those of a credential.
	visibleASCII = without(func(r rune) bool { return r <= ' ' || r > '~' }, "contains the character %U, which is not one of a credential")

	// notBlank refuses a value without a visible character.
	notBlank = wrongIf(func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
	}, "must contain at least one visible character")
	noNUL    = wrongIf(func(s string) bool { return strings.ContainsRune(s, 0) }, "contains a NUL character; remove it")
	notEmpty = wrongIf(func(s string) bool { return s == "" }, "is empty; to leave it out, set it to null")

	noSeparator = wrongIf(func(s string) bool { return strings.ContainsAny(s, `/\`) }, `must be a file name, without "/" and "\"`)
	isWhole     = wrongIf(func(s string) bool { return strings.Contains(s, ".") }, "must be a whole number")
	isBool      = wrongIf(func(s string) bool { _, err := strconv.ParseBool(s); return err != nil }, "must be true or false")
	isBase64    = wrongIf(func(s string) bool { _, err := base64.StdEncoding.DecodeString(s); return err != nil },
		"must be base64, such as the result of filebase64()")
)

func noDecoration(s string) error {
	if len(s) > 1 && strings.ContainsRune("\"'`", rune(s[0])) && s[0] == s[len(s)-1] {
		return errors.New("is in quotation marks; remove them")
	}
	for _, name := range []string{"bearer ", "authorization:", "x-auth-token:", "x-security-token:", "x-subject-token:"} {
		if strings.HasPrefix(strings.ToLower(s), name) {
			return fmt.Errorf("begins with %q, as in a header; set the value alone", s[:len(name)])
		}
	}
	return nil
}

// noLookAlike refuses letters that look like those of ASCII, among some of ASCII.
func noLookAlike(s string) error {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }) {
		return nil
	}
	return without(func(r rune) bool { return unicode.In(r, unicode.Cyrillic, unicode.Greek) || r >= 0xFF01 && r <= 0xFF5E },
		"contains the character %U, which only looks like one of ASCII; type it")(s)
}

// isInvisible reports whether a character has no shape and no width, or looks like a space.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r > '~' && unicode.Is(unicode.Zs, r)
}

// isTicketID refuses a URL that was pasted in place of the ID, and dot segments, which
// would change the request's path.
var isTicketID = all(
	wrongIf(func(s string) bool { return strings.Contains(s, "://") }, `must be a ticket ID such as "TT201801020526", not a URL`),
	wrongIf(func(s string) bool { return s == "." || s == ".." }, `must be a ticket ID, not "." or ".."`),
)

var baseURL = all(clean, func(s string) error {
	_, err := servicerequest.ParseEndpoint(s)
	return err
})

// endpoint is baseURL for the service itself.
func endpoint(s string) error {
	for _, path := range []string{"/v2", "/v2/servicerequest", "/v2/servicerequest/cases"} {
		if strings.HasSuffix(strings.TrimRight(s, "/"), path) {
			return fmt.Errorf("ends in %s, which the provider adds; leave it out", path)
		}
	}
	return baseURL(s)
}

// proxyURL checks the address of a proxy. Go ignores one that it cannot read, and would send
// the message without the proxy.
func proxyURL(s string) error {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err == nil && u.Host != "" && u.Fragment == "" && !strings.Contains(u.Path+u.RawQuery, "@") {
		return nil
	}
	return errors.New("is not the URL of a proxy; a special character in its password must be escaped, such as %23 for #")
}

func oneOf(values ...string) check {
	return func(s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf(`must be "%s"`, strings.Join(values, `" or "`))
		}
		return nil
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

// wholeNumber checks a whole number.
func wholeNumber(lowest, highest int) check {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		switch {
		case errors.Is(err, strconv.ErrSyntax):
			return errors.New("must be a whole number")
		case err != nil || n < lowest || n > highest:
			return fmt.Errorf("must be between %d and %d", lowest, highest)
		}
		return nil
	}
}

// requestURL checks a URL that GitHub Actions sets, with its query.
func requestURL(s string) error {
	before, _, _ := strings.Cut(s, "?")
	return baseURL(before)
}

// localURL checks a URL of the platform itself. Plain http stays on the machine or its
// link.
func localURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || strings.Contains(s, "#") {
		return errors.New("is not a valid URL")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast())) {
		return nil
	}
	return errors.New("must use https, or http to a loopback or link-local address")
}

// urn checks the URN of an object of IAM.
func urn(kind string) check {
	return all(wrongIf(func(s string) bool {
		isURN, _ := regexp.MatchString("^iam::[^:]+:"+kind+":[^:]+$", s) // compiled when a URN is set, not at each start
		return !isURN
	}, "must be a URN such as iam::ACCOUNT_ID:"+kind+":NAME"), clean, visibleASCII)
}

// idToken refuses a path where an ID token belongs. No ID token has a slash.
var idToken = all(wrongIf(func(s string) bool { return strings.ContainsAny(s, `/\`) },
	"looks like a path, not like an ID token: a path belongs in id_token_file"), length(4, 20000), clean, visibleASCII)

// idTokenFile refuses an ID token where its path belongs.
var idTokenFile = all(wrongIf(func(s string) bool { return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") >= 2 },
	"looks like an ID token, not like a path: a token belongs in id_token"), pathCheck)
