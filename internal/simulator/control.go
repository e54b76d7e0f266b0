package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

const controlPrefix = "/_simulator/"

// The control endpoints are the simulator's own and no part of the service.
// They are not recorded, and no fault strikes them. Those that change something
// take a JSON object. An answer is a JSON object too; that of a refusal has the
// one member "error".
//
// They need no token: a test may revoke all tokens, or use access keys alone. The
// server listens on loopback addresses only and has no real data. The media type
// application/json is mandatory, so that a web page in the user's browser cannot
// send such a request.
const (
	CountsPath  = controlPrefix + "requests" // GET: the number of requests by operation
	CasesPath   = controlPrefix + "cases"    // POST {"id", "description", "group_id", "status"}: add a ticket
	StatusPath  = controlPrefix + "status"   // PUT {"id", "status"}: set a ticket's status, a number
	RepliesPath = controlPrefix + "replies"  // POST {"id", "name", "content"}: add an engineer's answer
	FaultsPath  = controlPrefix + "faults"   // PUT {"faults"}: replace the faults; each is a text for ParseFault
)

// maxControl is the limit of a control request's body in bytes.
const maxControl = 1 << 20

// controlError is a refusal of a control request.
type controlError struct {
	status int
	text   string
}

func invalid(text string) *controlError { return &controlError{http.StatusBadRequest, text} }

func noCase(id string) *controlError {
	return &controlError{http.StatusNotFound, fmt.Sprintf("unknown ticket %q", id)}
}

// control is a control endpoint. Its handler gets the body of any method but
// GET, and returns what to answer.
type control struct {
	method string
	handle func(s *Simulator, body []byte) (any, *controlError)
}

var controls = map[string]control{
	CountsPath:  {http.MethodGet, (*Simulator).readCounts},
	CasesPath:   {http.MethodPost, taking((*Simulator).addCaseOnce)},
	StatusPath:  {http.MethodPut, taking((*Simulator).changeStatus)},
	RepliesPath: {http.MethodPost, taking((*Simulator).reply)},
	FaultsPath:  {http.MethodPut, taking((*Simulator).replaceFaults)},
}

// taking is the handler of an endpoint that takes a T and answers {}.
func taking[T any](do func(*Simulator, T) *controlError) func(*Simulator, []byte) (any, *controlError) {
	return func(s *Simulator, body []byte) (any, *controlError) {
		var v T
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			return nil, invalid("invalid body: " + err.Error())
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, invalid("the body has more than one JSON value")
		}
		return struct{}{}, do(s, v)
	}
}

// serveControl answers a control request.
func (s *Simulator) serveControl(w http.ResponseWriter, r *http.Request, path string) {
	v, refusal := s.control(r, path)
	status := http.StatusOK
	if refusal != nil {
		status, v = refusal.status, map[string]string{"error": refusal.text}
	}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error is the client's leaving
}

func (s *Simulator) control(r *http.Request, path string) (any, *controlError) {
	c, ok := controls[path]
	switch {
	case !ok:
		return nil, &controlError{http.StatusNotFound, "unknown control endpoint " + path}
	case r.Method != c.method:
		return nil, &controlError{http.StatusMethodNotAllowed, path + " accepts only " + c.method}
	case c.method == http.MethodGet:
		return c.handle(s, nil)
	case !isJSON(r.Header.Get("Content-Type")):
		return nil, &controlError{http.StatusUnsupportedMediaType, "Content-Type must be application/json"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxControl+1))
	switch {
	case err != nil:
		return nil, invalid("the body ends too early")
	case len(body) > maxControl:
		return nil, &controlError{http.StatusRequestEntityTooLarge, "the body is too large"}
	}
	return c.handle(s, body)
}
