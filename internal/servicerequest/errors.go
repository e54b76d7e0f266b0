package servicerequest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
)

// APIError is an answer that is not a success.
type APIError struct {
	Method, Path string // of the request; the path is escaped
	Status       int    // HTTP status; 200 when the failure is in the body
	Code         string // error_code, such as OSM.01010015; empty when the body has none
	Message      string // error_msg, in the language of the request
	RequestID    string // X-Request-Id, which support asks for
	Location     string // where a refused redirect points to: scheme and host
	Endpoint     string // the server that answered: scheme and host
	// Unreadable says what the body is if it is not what the service answers: words
	// such as "an HTML page" or "cut off". Empty: the body was read, or there is none.
	Unreadable string
	// Excerpt is the beginning of a body that is not the service's JSON.
	Excerpt string
	// Mode is where the credentials of the client come from.
	Mode credentials.Mode
	// Signed reports whether the request was signed.
	Signed bool
	// ServiceTime and LocalTime are the two clocks at the answer;
	// ServiceTime is zero when the answer has no Date.
	ServiceTime, LocalTime time.Time
}

func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: HTTP %d", e.Method, e.Path, e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	for _, part := range []struct{ label, text string }{
		{"", e.Code}, {"", e.Message}, {"redirect to ", e.Location}, {"the answer is ", e.Unreadable}, {"body: ", e.Excerpt}, {"request ID ", e.RequestID},
	} {
		if part.text != "" {
			b.WriteString(", " + part.label + part.text)
		}
	}
	return b.String()
}

// IsRefusal reports whether the service refused a call, so that repeating the call
// would not help. A refusal by an issuer of credentials does not count.
func IsRefusal(err error) bool {
	e := serviceError(err)
	return e != nil && (refuses(e.Status) || e.Status/100 == 2 && rejectingCodes[e.Code] != CauseOther)
}

// IsPermissionDenied reports whether the user of the credentials has no
// permission for a call.
func IsPermissionDenied(err error) bool {
	e := serviceError(err)
	return e != nil && (e.Status == http.StatusForbidden || rejectingCodes[e.Code] == CauseNotPermitted)
}

// serviceError returns the answer of the service that an error has; nil if there is none,
// or it is an issuer's.
func serviceError(err error) (e *APIError) {
	if !errors.As(err, new(*credentials.Error)) {
		errors.As(err, &e)
	}
	return e
}

// PreventsPost reports whether an error of [Client.List] means that no message may be
// posted either: there are no credentials, the endpoint redirects and so is not the
// service, or no TLS connection can be made to it.
func PreventsPost(err error) bool {
	e := serviceError(err)
	return errors.As(err, new(*credentials.Error)) || e != nil && e.Cause() == CauseRedirect || isPermanent(err)
}

// NoTimeError reports that the wait before another attempt is longer than the
// time that is left.
type NoTimeError struct {
	Wait, Left time.Duration
	Asked      bool  // the service asked for the wait (Retry-After); else it is the backoff's
	Err        error // why the last attempt failed
}

func (e *NoTimeError) Error() string {
	return fmt.Sprintf("the next attempt has to wait %s, but only %s remain; the last attempt: %v", e.Wait, e.Left, e.Err)
}

func (e *NoTimeError) Unwrap() error { return e.Err }

// FirstWords is the beginning of a text, at most 60 characters on one line.
func FirstWords(s string) string { return shorten(s, 60) }

const maxExcerpt = 200 // characters of a text from the network in an error

// failure turns an observation into the error that describes it.
func (c *Client) failure(o observation) error {
	if o.err != nil {
		return c.redactError(o.err)
	}
	a := parseAnswer(o.body)
	e := &APIError{
		Method: o.call.Method, Path: o.req.URL.EscapedPath(), Status: o.status,
		Code: c.clean(a.Code), Message: c.clean(a.Message),
		RequestID: c.clean(o.header.Get("X-Request-Id")),
		Endpoint:  o.req.URL.Scheme + "://" + o.req.URL.Host,
		Mode:      c.auth.Mode(),
		Signed:    o.req.Header.Get("X-Sdk-Date") != "",
		LocalTime: o.received,
	}
	if o.call.private && o.call.Method == http.MethodPost {
		e.Message = "" // it may quote the text
	}
	e.ServiceTime, _ = http.ParseTime(o.header.Get("Date"))
	if o.status/100 == 3 {
		if u, err := url.Parse(o.header.Get("Location")); err == nil && u.Host != "" {
			e.Location = c.clean(u.Scheme + "://" + u.Host)
		}
	}
	e.Unreadable = c.clean(o.unreadable(a))
	switch {
	case o.call.Issuer != "" && o.status/100 == 2:
		e.Message = ""
	case o.call.Issuer != "" && e.Message == "":
		var iam struct {
			Error struct{ Message string } // IAM's own form
		}
		_ = json.Unmarshal(o.body, &iam) // of another form, it has none
		e.Message = c.clean(iam.Error.Message)
	}
	if a.Code == "" && a.Message == "" && !o.withheld() {
		// Redact before cutting: half a secret would not be recognised.
		body := c.redact(string(o.body))
		e.Excerpt = c.clean(body[:min(len(body), 4*maxExcerpt)])
	}
	return e
}

// withheld reports whether the body may contain the text of a message, or credentials. The
// answer to a submit may echo the text in any form. The answer to a read contains texts only
// as JSON. Any other body is a proxy's page, which helps to find the cause.
func (o observation) withheld() bool {
	return o.call.Issuer != "" || o.call.private && (isJSONLike(o.body) || o.call.Method == http.MethodPost)
}

// clean makes text from the network safe to print: it removes secrets and control
// characters, and shortens the text.
func (c *Client) clean(s string) string {
	s = c.redact(strings.ToValidUTF8(s, "\uFFFD"))
	return shorten(s, maxExcerpt)
}

// shorten puts a text on one line, without characters that control a terminal, and cuts
// it after limit characters.
func shorten(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}

// signature is the secret part of a signed request. Whoever has it can repeat the
// request within 15 minutes.
var signature = regexp.MustCompile(`Signature=[0-9a-f]{64}`)

func (c *Client) redact(s string) string {
	secrets := c.auth.Secrets()
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may begin with another
	for _, secret := range secrets {
		for _, form := range echoes(secret) {
			s = strings.ReplaceAll(s, form, "***")
		}
	}
	return signature.ReplaceAllString(s, "Signature=***")
}

// minSecret is the length in bytes from which a secret is removed from texts. A shorter one is
// none, and is found in every second word.
const minSecret = 4

// echoes returns the forms in which an answer may repeat a secret: as it is, and
// escaped for JSON, a URL or HTML.
func echoes(secret string) []string {
	if len(secret) < minSecret {
		return nil
	}
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	_ = e.Encode(secret) // a string can always be encoded
	escaped, _ := json.Marshal(secret)
	return []string{
		secret, string(escaped[1 : len(escaped)-1]), plain.String()[1 : plain.Len()-2],
		url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
	}
}

// redactError removes secrets from the text of err. errors.Is and errors.As still
// find err.
func (c *Client) redactError(err error) error {
	if text := c.redact(err.Error()); text != err.Error() {
		return &redactedError{text, err}
	}
	return err
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }
