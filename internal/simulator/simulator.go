// Package simulator is the ticket service in memory: for tests, demonstrations
// and benchmarks. It speaks the HTTP API of Huawei Cloud's Service Tickets
// (OSM, API v2), and it is strict: what the service's API reference does not
// allow is refused, so that a wrong request cannot pass a test.
//
// It reports a refusal in the service's way:
//
//   - malformed (JSON, types, unknown or repeated members, headers and query
//     parameters): HTTP 400 with OSM.0001;
//   - well-formed, but outside the documented limits: HTTP 200 with
//     OSM.01010001;
//   - a message on a closed ticket: HTTP 200 with OSM.01010002. No page says what the
//     service does. Of the published codes it fits best: the request is correct and
//     the ticket exists.
//
// Beside the service there are the issuers of its credentials: STS, IAM, pod identity,
// instance metadata, and GitHub's ID tokens. They are as strict, and each refuses in
// its own form.
//
// Authentication comes first, as at a gateway. Then the request is checked. Only
// then a [Fault] may strike. So a wrong request is always refused, and a request
// that a fault strikes is a correct one.
//
// The package has its own wire types. If it shared them with a client, a wrong
// JSON tag would pass every test.
package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// The operations of the service, as requests are counted and faults aimed.
const (
	OpSubmit          = "submit"            // post a message
	OpList            = "list"              // list a ticket's messages
	OpDetail          = "detail"            // read a ticket
	OpStatus          = "status"            // read a ticket's status
	OpCases           = "cases"             // search tickets
	OpUpload          = "upload"            // upload an attachment
	OpLimits          = "limits"            // read the limits of attachments
	OpDeleteAccessory = "delete-accessory"  // delete an attachment
	OpLogin           = "login"             // IAM: a token for a password
	OpDomains         = "domains"           // IAM: the caller's account
	OpSecurityTokens  = "security-tokens"   // IAM: keys of an agency
	OpIDTokenExchange = "id-token-exchange" //nolint:gosec // the name of an operation; IAM: a token for an ID token
	OpAssume          = "assume"            // STS: keys of an agency
	OpAssumeWithOIDC  = "assume-with-oidc"  // STS: keys of an agency, for an ID token
	OpPodCredentials  = "pod-credentials"   // CCE: keys for a pod
	OpMetadataToken   = "metadata-token"    // ECS: a token for metadata-keys
	OpMetadataKeys    = "metadata-keys"     // ECS: keys for a server
	OpIDTokenRequest  = "id-token-request"  // GitHub: an ID token for a pipeline
	OpUnknown         = "unknown"           // no such route, or not by this method
)

const (
	maxBody     = 12 << 20 // bytes; the service's API reference: 12 MB at the gateway
	maxRecorded = 64 << 10 // bytes of a body that a Request keeps
)

// Options says which service to simulate. The zero value accepts nobody.
type Options struct {
	Tokens     []string    // accepted X-Auth-Token values; they do not expire
	AccessKeys []AccessKey // accepted AK/SK pairs
	Users      []User      // who may log in with a password

	Agency    Agency         // can be assumed; the zero value cannot
	Providers []OIDCProvider // identity providers of its account, which it trusts
	PodToken  string         // content of a pod's HC_CONTAINER_AUTHORIZATION_TOKEN_FILE, which is worth keys of Agency; "": no pod identity
	ECSAgency bool           // instance metadata gives keys of Agency

	// IDTokenRequestToken is GitHub's ACTIONS_ID_TOKEN_REQUEST_TOKEN; "": no ID tokens
	// from there.
	IDTokenRequestToken string

	// CredentialLifetime is that of keys of agencies and of tokens for ID tokens, instead
	// of what was asked for. So keys can live for seconds. 0 is as asked.
	CredentialLifetime time.Duration

	// Clock is the service's clock. It is used for the Date header, create_time and the
	// expiry of credentials. nil is time.Now.
	Clock func() time.Time

	Seed   uint64  // of the faults' rates
	Faults []Fault // see SetFaults

	StrictAccessories bool // a message may only name accessories that were uploaded
	JSONAnswers       bool // a success without content answers {} instead of an empty body; the reference allows both
	NewestFirst       bool // the list's order, which the reference leaves open; default oldest first

	// Show changes how messages are shown. op is OpList or OpDetail. It must not call
	// the Simulator. nil changes nothing.
	Show func(op string, m *WireMessage)

	// Observe, if not nil, is called with every request once it has been answered or
	// cut, possibly by several goroutines at once.
	Observe func(Request)
}

// Request is a request that came, as it was sent. Nothing in it is masked.
type Request struct {
	Operation string
	Method    string
	Path      string // escaped, as sent
	RawQuery  string
	Header    http.Header
	Body      []byte // its first 64 KiB

	RequestID string // the answer's X-Request-Id
	Status    int    // of the answer; 0 while under way, and when the connection was cut
	Committed bool   // its message is on a ticket
	Fault     string // the kind that struck it
}

// Simulator is the service. It is an http.Handler, safe for concurrent use.
type Simulator struct {
	opts Options

	mu          sync.Mutex
	requests    []*Request
	counts      map[string]int
	faults      []*faultState
	skew        time.Duration
	serial      uint64 // of request IDs; never starts anew
	cases       map[string]*caseState
	caseOrder   []*caseState
	messages    int               // serial of message IDs
	accessories map[string]string // ID to file name
	uploads     int               // serial of accessory IDs

	issued         int // serial of issued tokens and keys
	tokens         map[string]*credential
	accessKeys     map[string]*credential
	metadataTokens map[string]*credential
}

// New returns a service without tickets. It panics on a fault of unknown kind.
func New(opts Options) *Simulator {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	s := &Simulator{
		opts:        opts,
		counts:      map[string]int{},
		cases:       map[string]*caseState{},
		accessories: map[string]string{},

		tokens:         map[string]*credential{},
		accessKeys:     map[string]*credential{},
		metadataTokens: map[string]*credential{},
	}
	for _, t := range opts.Tokens {
		s.tokens[t] = &credential{}
	}
	for _, k := range opts.AccessKeys {
		s.accessKeys[k.AccessKey] = &credential{key: k, account: account{ID: k.DomainID}}
	}
	s.SetFaults(opts.Faults...)
	return s
}

// Requests returns every request that came, in order of arrival.
func (s *Simulator) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.requests))
	for i, r := range s.requests {
		out[i] = *r
	}
	return out
}

// Count returns how many requests of an operation came.
func (s *Simulator) Count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[op]
}

// Reset removes the requests and the submitted messages, and resets the counts and
// random numbers of the faults. Tickets, seeded messages, accessories, tokens and
// the faults themselves stay.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
	clear(s.counts)
	for _, c := range s.caseOrder {
		c.messages = slices.DeleteFunc(c.messages, func(m Message) bool { return m.submitted })
	}
	s.setFaults(s.opts.Faults)
}

// now is the service's time. It needs s.mu.
func (s *Simulator) now() time.Time { return s.opts.Clock().Add(s.skew) }

// exchange is one request on its way through the simulator.
type exchange struct {
	*Simulator

	w      http.ResponseWriter
	r      *http.Request
	route  route
	param  string // the path's variable, unescaped
	query  url.Values
	body   []byte
	record *Request // guarded by mu, as long as the request is under way

	objects []object    // the body and those in it that were read; optional takes their members out
	refusal *answer     // the first, of the checks; nil is none
	fault   *faultState // answers instead of the operation; nil is none
	caller  *credential // who signed the request or has its token; nil where no route needs it
}

// answer is the answer of an operation.
type answer struct {
	status  int
	header  map[string]string // further headers; "" is not sent
	body    any               // a string is sent as plain text, anything else as JSON; nil is an empty body
	raw     io.Reader         // if not nil, sent as it is in the place of body
	refused bool              // the operation was not carried out
}

// wireError is the service's error body; the gateway in front uses the same.
type wireError struct {
	Code string `json:"error_code"`
	Msg  string `json:"error_msg"`
}

// refuse is an error answer. That of an issuer needs no code: its form knows it.
func refuse(status int, code, msg string) *answer {
	return &answer{status: status, body: wireError{code, msg}, refused: true}
}

func malformed(msg string) *answer   { return refuse(400, "OSM.0001", msg) }
func outOfLimits(msg string) *answer { return refuse(200, "OSM.01010001", msg) }

// ServeHTTP answers one request.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	rt, param, miss := match(r.Method, path)
	ex := &exchange{Simulator: s, w: w, r: r, route: rt, param: param}
	ex.arrive(path)
	if s.opts.Observe != nil && rt.op != "" {
		defer func() {
			s.mu.Lock()
			c := *ex.record
			s.mu.Unlock()
			s.opts.Observe(c)
		}()
	}
	tooLarge := ex.readBody()
	a, struck := ex.process(miss, tooLarge)
	if struck {
		a = ex.fault.kind.strike(ex, ex.fault.Fault, a)
	}
	ex.send(a)
}

// process admits the request, as the gateway and the service do, and carries out its
// operation, unless a fault prevents it. It reports whether the fault answers. Who sees
// the message of a fault that stores it sees the fault, too.
func (ex *exchange) process(miss *answer, tooLarge bool) (a *answer, struck bool) {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	if miss != nil {
		return miss, false
	}
	if refusal := ex.authenticate(tooLarge); refusal != nil {
		return refusal, false
	}
	if tooLarge {
		return refuse(413, "APIGW.0201", "Request entity too large"), false
	}
	do, refusal := ex.check()
	if refusal != nil {
		return refusal, false
	}
	if ex.fault == nil || ex.fault.Stored {
		a = do()
	}
	if ex.fault == nil || a != nil && a.refused {
		return a, false
	}
	ex.record.Fault = ex.fault.Kind
	return a, true
}

// arrive records the request before anything can go wrong, and decides which fault
// strikes it. Those of control requests are left out.
func (ex *exchange) arrive(path string) {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	ex.serial++
	ex.record = &Request{
		Operation: ex.route.op,
		Method:    ex.r.Method,
		Path:      path,
		RawQuery:  ex.r.URL.RawQuery,
		Header:    ex.r.Header.Clone(),
		RequestID: fmt.Sprintf("%032x", ex.serial),
	}
	if ex.route.op != "" {
		ex.requests = append(ex.requests, ex.record)
		ex.counts[ex.route.op]++
		ex.drawFault()
	}
}

// readBody reads and records the body, and reports one that is too large
// without reading all of it.
func (ex *exchange) readBody() (tooLarge bool) {
	if ex.r.ContentLength > maxBody {
		return true
	}
	body, err := io.ReadAll(io.LimitReader(ex.r.Body, maxBody+1))
	ex.mu.Lock()
	ex.record.Body = slices.Clone(body[:min(len(body), maxRecorded)])
	ex.mu.Unlock()
	if err != nil {
		panic(http.ErrAbortHandler) // the client closed the connection
	}
	ex.body = body
	return len(body) > maxBody
}

// send answers. It records the status before the client can have it.
func (ex *exchange) send(a *answer) {
	h := ex.w.Header()
	body := a.raw
	if body == nil {
		contentType, data := ex.encode(a)
		h.Set("Content-Type", contentType)
		body = bytes.NewReader(data)
	}
	if ex.route.op == "" {
		h.Set("Server", ServerName)
	}
	ex.mu.Lock()
	ex.record.Status = a.status
	h.Set("X-Request-Id", ex.record.RequestID)
	h.Set("Date", ex.now().UTC().Format(http.TimeFormat))
	ex.mu.Unlock()
	for k, v := range a.header {
		if v != "" {
			h.Set(k, v)
		}
	}
	ex.w.WriteHeader(a.status)
	_, _ = io.Copy(ex.w, body) // an error is the client's leaving
}

// encode returns the body of an answer and its media type.
func (ex *exchange) encode(a *answer) (contentType string, data []byte) {
	v := a.body
	if e, isError := v.(wireError); isError {
		switch {
		case !ex.toTicketService():
			v = ex.route.form(ex, a.status, e)
		case len(e.Code) > 32 || len(e.Msg) > 32: // the limits of the service's API reference
			panic("simulator: error too long: " + e.Code + " " + e.Msg)
		}
	}
	if text, isText := v.(string); isText {
		return "text/plain", []byte(text)
	}
	switch {
	case v == nil && !ex.opts.JSONAnswers:
		return "application/json", nil
	case v == nil:
		v = struct{}{}
	}
	return "application/json", mustJSON(v)
}
