// Package credentials is who the caller is: what authenticates a request, where that
// comes from, and until when it can be used.
//
// A [Source] issues credentials: a token, or an access key that signs. [Credentials]
// keeps what its source issued, for all parallel calls, and asks the source again before
// that expires, and once more when the service refuses it. A source that never expires is
// asked once.
//
// The requests of the sources are those that Huawei Cloud documents for IAM, STS, CCE and
// ECS, and those of its SDKs.
package credentials

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/flight"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

// Source says where credentials come from. It is a [Token], an [AccessKey], a
// [Password], an [OIDC], an [IAMOIDC], an [Agency], a [Pod], an [ECS] or a [Profile].
type Source interface {
	// issue gets credentials. c makes the calls, and keeps the secrets out of every text:
	// those of the source before it makes a call, those of an answer after that.
	issue(ctx context.Context, c *Credentials) (issued, error)
	mode() Mode
}

// Mode names a source for the user.
type Mode string

// The modes.
const (
	ModeToken     Mode = "token"
	ModeAccessKey Mode = "access key"
	ModePassword  Mode = "user name and password"
	ModeOIDC      Mode = "OIDC"
	ModeIAMOIDC   Mode = "OIDC through IAM"
	ModeAgency    Mode = "agency"
	ModePod       Mode = "pod identity"
	ModeECS       Mode = "ECS agency"
	ModeProfile   Mode = "KooCLI profile"
)

// Request is a call to an issuer of credentials.
type Request struct {
	Issuer Issuer
	Method string
	Base   *url.URL
	Path   string     // below Base, escaped; empty is Base itself
	Query  url.Values // besides that of Base
	Header http.Header
	Body   []byte       // JSON; nil is none
	By     *Credentials // authenticates the request; nil is nobody
	// Local calls go to this machine or its host: never through a proxy.
	Local bool
	// Timeout bounds one attempt. 0 is the time limit of all requests.
	Timeout time.Duration
	// Statuses are those that count as answers, besides success.
	Statuses []int
}

// Answer is the answer to a Request.
type Answer struct {
	Status   int
	Header   http.Header
	Body     []byte
	Received time.Time // by the local clock
}

// Call makes a request, repeats it as one that changes nothing, and decodes the JSON of the
// answer into the value that into points to, unless into is nil. It returns a RefusedError
// if the issuer refused.
type Call func(ctx context.Context, r Request, into any) (Answer, error)

// RefusedError reports that an issuer refused to issue credentials. Asking again
// would not help, and a wrong password that is repeated could lock the account.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// UnusableError reports what this machine has for a source and cannot be used, such as a
// file that is missing. The text names it, without a secret.
type UnusableError struct{ Err error }

func (e *UnusableError) Error() string { return e.Err.Error() }
func (e *UnusableError) Unwrap() error { return e.Err }

// Error reports that a source issued no credentials. Nothing was sent to the service.
type Error struct {
	Mode   Mode
	Issuer Issuer // who was asked last; empty: nobody
	Err    error  // has a RefusedError, an UnusableError or what failed on the way
}

func (e *Error) Error() string { return "no credentials (" + string(e.Mode) + "): " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Issuer names who is asked for credentials, and for what.
type Issuer string

// The issuers.
const (
	IssuerLogin    Issuer = "IAM"
	IssuerExchange Issuer = "IAM, asked to exchange the ID token,"
	IssuerAgency   Issuer = "IAM, asked to assume the agency,"
	IssuerAccount  Issuer = "IAM, asked for the account of the keys,"
	IssuerSTS      Issuer = "STS"
	IssuerGitHub   Issuer = "GitHub"
	IssuerPod      Issuer = "the pod identity of CCE"
	IssuerMetadata Issuer = "the metadata of the ECS server"
)

// ask makes a call. Its error is an Error.
func (c *Credentials) ask(ctx context.Context, r Request, into any) (Answer, error) {
	a, err := c.call(ctx, r, into)
	if err != nil {
		return a, c.none(r.Issuer, err)
	}
	return a, nil
}

// none is the error for an issuer that gave no answer that can be used.
func (c *Credentials) none(issuer Issuer, err error) error {
	return &Error{Mode: c.source.mode(), Issuer: issuer, Err: err}
}

// issued is what a source issues: a token, or a key that signs.
type issued struct {
	token   string
	key     AccessKey
	expires time.Time // by the local clock; zero is never
	reread  bool      // without an expiry, but a file may have another one when the service refuses it
}

// Credentials authenticate requests with what a source issues. They are safe for
// concurrent use.
type Credentials struct {
	source   Source
	base     *Credentials // with which an agency is assumed; nil otherwise
	call     Call
	now      func() time.Time
	renewals flight.Flight[issued]

	mu      sync.Mutex // of the fields below; never held while waiting
	current *issued    // nil: none
	renewAt time.Time  // zero is never
	refused error      // the issuer's refusal, which is final
	secrets []string   // all so far
}

// New returns credentials of a source. It calls nobody. now is the local clock.
func New(source Source, call Call, now func() time.Time) *Credentials {
	c := &Credentials{source: source, call: call, now: now}
	if a, ok := source.(Agency); ok {
		c.base = New(a.Base, call, now)
	}
	return c
}

// maxMargin is how long before they expire credentials are renewed, at most. Those that
// live shorter are renewed when a tenth of their life is left.
const maxMargin = 10 * time.Minute

// Authenticate adds credentials to a request that is otherwise complete, body included:
// anew for every attempt, since a signature contains the date. With an error, which is an
// [Error] or that of ctx, nothing was sent.
func (c *Credentials) Authenticate(ctx context.Context, req *http.Request, body []byte) error {
	i, err := c.get(ctx)
	if err == nil {
		c.add(i, req, body)
	}
	return err
}

// Ready gets the credentials for the first request, unless there are some.
func (c *Credentials) Ready(ctx context.Context) error {
	_, err := c.get(ctx)
	return err
}

// get returns the current credentials while they live. Near their end it begins to renew
// them, for which nobody waits.
func (c *Credentials) get(ctx context.Context) (issued, error) {
	current, due := c.usable()
	if current == nil {
		return c.renewals.Do(ctx, c.renew)
	}
	if due {
		go func() { _, _ = c.renewals.Do(context.WithoutCancel(ctx), c.renew) }() // a failure is seen when the current ones have expired
	}
	return *current, nil
}

// AuthenticateNow is Authenticate with what is at hand. It asks no issuer, and reports
// whether there are credentials that have not expired.
func (c *Credentials) AuthenticateNow(req *http.Request, body []byte) bool {
	current, _ := c.usable()
	if current != nil {
		c.add(*current, req, body)
	}
	return current != nil
}

func (c *Credentials) add(i issued, req *http.Request, body []byte) {
	if i.token != "" {
		req.Header.Set("X-Auth-Token", i.token)
		return
	}
	if i.key.SecurityToken != "" {
		req.Header.Set("X-Security-Token", i.key.SecurityToken)
	}
	if i.key.DomainID != "" {
		req.Header.Set("X-Domain-Id", i.key.DomainID)
	}
	signing.Sign(req, body, signing.Key{AccessKey: i.key.AccessKey, SecretKey: i.key.SecretKey}, c.now())
}

// usable returns the current credentials while they live, and whether it is time to renew
// them.
func (c *Credentials) usable() (current *issued, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.alive(now) {
		return nil, false
	}
	return c.current, !c.renewAt.IsZero() && !now.Before(c.renewAt)
}

// alive needs c.mu.
func (c *Credentials) alive(now time.Time) bool {
	return c.current != nil && (c.current.expires.IsZero() || now.Before(c.current.expires))
}

// renew asks the source. All who need credentials at the same time share one renewal, and
// its failure. While the current credentials live, a failure is no error, and a refusal not
// final: the source is asked again when half of their time is over.
func (c *Credentials) renew(ctx context.Context) (issued, error) {
	if current, due := c.usable(); current != nil && !due { // another renewal has ended since
		return *current, nil
	}
	c.mu.Lock()
	refused := c.refused
	c.mu.Unlock()
	if refused != nil {
		return issued{}, refused
	}
	i, err := c.source.issue(ctx, c)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if err == nil && !i.expires.IsZero() && !now.Before(i.expires) {
		err = errors.New("what was issued has already expired")
	}
	if err != nil {
		if c.alive(now) {
			c.renewAt = now.Add(c.current.expires.Sub(now) / 2)
			return *c.current, nil
		}
		if !errors.As(err, new(*Error)) {
			err = c.none("", err) // nobody was asked
		}
		if errors.As(err, new(*RefusedError)) {
			c.refused = err
		}
		return issued{}, err
	}
	c.current, c.renewAt = &i, time.Time{}
	if !i.expires.IsZero() {
		c.renewAt = i.expires.Add(-min(maxMargin, i.expires.Sub(now)/10))
	}
	return i, nil
}

// Renew is called when the service refused the credentials of req (401). It drops them,
// unless another call has already replaced them. It reports whether another attempt
// would have others: those that never expire stay the same.
func (c *Credentials) Renew(req *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return true
	}
	if c.current.expires.IsZero() && !c.current.reread {
		return false
	}
	if c.current.token == req.Header.Get("X-Auth-Token") && c.current.key.SecurityToken == req.Header.Get("X-Security-Token") {
		c.current = nil
	}
	return true
}

// Mode names the source.
func (c *Credentials) Mode() Mode { return c.source.mode() }

// Secrets are all values, so far, that no text may repeat.
func (c *Credentials) Secrets() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.secrets)
	if c.base != nil {
		all = append(all, c.base.Secrets()...)
	}
	return all
}

// keep keeps secrets out of every text from now on.
func (c *Credentials) keep(secrets ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets = append(c.secrets, secrets...)
}
