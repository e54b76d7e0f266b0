package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"
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
	CountsPath   = controlPrefix + "requests"  // GET: the number of requests by operation
	StatusPath   = controlPrefix + "status"    // PUT {"id", "status"}: set a ticket's status, a number
	RepliesPath  = controlPrefix + "replies"   // POST {"id", "content"}: add an engineer's answer
	FaultsPath   = controlPrefix + "faults"    // PUT {"faults"}: replace the faults; each is a text for ParseFault
	IDTokensPath = controlPrefix + "id-tokens" // POST {"audience", "seconds"}: get an ID token that lives so long, as {"id_token"}
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

// controlBody is the body of a control request. Each endpoint reads its own members.
type controlBody struct {
	ID       string   `json:"id"`
	Status   *int     `json:"status"` // nil is missing; 0 is a status
	Content  string   `json:"content"`
	Faults   []string `json:"faults"` // nil is missing; an empty list clears the faults
	Audience string   `json:"audience"`
	Seconds  int      `json:"seconds"`
}

// control is a control endpoint. Its do needs s.mu.
type control struct {
	method string
	do     func(s *Simulator, v controlBody) (any, *controlError)
}

var controls = map[string]control{
	CountsPath:   {http.MethodGet, (*Simulator).showCounts},
	StatusPath:   {http.MethodPut, (*Simulator).changeStatus},
	RepliesPath:  {http.MethodPost, (*Simulator).reply},
	FaultsPath:   {http.MethodPut, (*Simulator).replaceFaults},
	IDTokensPath: {http.MethodPost, (*Simulator).giveIDToken},
}

// done is the answer of an endpoint that has nothing to tell.
var done = struct{}{}

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
	var v controlBody
	c, ok := controls[path]
	switch {
	case !ok:
		return nil, &controlError{http.StatusNotFound, "unknown control endpoint " + path}
	case r.Method != c.method:
		return nil, &controlError{http.StatusMethodNotAllowed, path + " accepts only " + c.method}
	case r.Method == http.MethodGet: // it takes no body
	case !isJSON(r.Header.Get("Content-Type")):
		return nil, &controlError{http.StatusUnsupportedMediaType, "Content-Type must be application/json"}
	default:
		d := json.NewDecoder(io.LimitReader(r.Body, maxControl))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			return nil, invalid("invalid body: " + err.Error())
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, invalid("the body has more than one JSON value")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.do(s, v)
}

func (s *Simulator) showCounts(controlBody) (any, *controlError) { return maps.Clone(s.counts), nil }

func (s *Simulator) changeStatus(v controlBody) (any, *controlError) {
	if v.Status == nil {
		return nil, invalid("status is required")
	}
	if _, known := findStatus(*v.Status); !known {
		return nil, invalid(fmt.Sprintf("unknown status %d", *v.Status))
	}
	c, ok := s.cases[v.ID]
	if !ok {
		return nil, noCase(v.ID)
	}
	s.setStatus(c, *v.Status)
	return done, nil
}

// reply adds an engineer's answer, to a closed ticket too. An empty text is
// refused: it is more likely to be a mistake than an answer.
func (s *Simulator) reply(v controlBody) (any, *controlError) {
	if !between(v.Content, 1, maxContent) {
		return nil, invalid(fmt.Sprintf("the text must have 1 to %d characters", maxContent))
	}
	c, ok := s.cases[v.ID]
	if !ok {
		return nil, noCase(v.ID)
	}
	s.addMessage(c, Message{Type: 1, ReplierType: 1, Content: v.Content})
	return done, nil
}

// replaceFaults changes nothing when one of the faults is wrong.
func (s *Simulator) replaceFaults(v controlBody) (any, *controlError) {
	if v.Faults == nil {
		return nil, invalid("faults is required")
	}
	faults := make([]Fault, len(v.Faults))
	for i, text := range v.Faults {
		var err error
		if faults[i], err = ParseFault(text); err != nil {
			return nil, invalid(err.Error())
		}
	}
	s.setFaults(faults)
	return done, nil
}

func (s *Simulator) giveIDToken(v controlBody) (any, *controlError) {
	if v.Audience == "" || v.Seconds < 1 {
		return nil, invalid("audience and seconds are required")
	}
	return map[string]string{"id_token": s.idToken(v.Audience, time.Duration(v.Seconds)*time.Second)}, nil
}
