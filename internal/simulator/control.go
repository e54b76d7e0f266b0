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
	do     func(s *Simulator, v controlBody) *answer
}

var controls = map[string]control{
	CountsPath:   {http.MethodGet, (*Simulator).showCounts},
	StatusPath:   {http.MethodPut, (*Simulator).changeStatus},
	RepliesPath:  {http.MethodPost, (*Simulator).reply},
	FaultsPath:   {http.MethodPut, (*Simulator).replaceFaults},
	IDTokensPath: {http.MethodPost, (*Simulator).giveIDToken},
}

func controlError(status int, format string, args ...any) *answer {
	return &answer{status: status, body: map[string]string{"error": fmt.Sprintf(format, args...)}}
}

func invalid(format string, args ...any) *answer {
	return controlError(http.StatusBadRequest, format, args...)
}

func noCase(id string) *answer { return controlError(http.StatusNotFound, "unknown ticket %q", id) }

// done is the answer of an endpoint that has nothing to tell.
var done = &answer{status: http.StatusOK, body: struct{}{}}

// serveControl answers a control request.
func (s *Simulator) serveControl(w http.ResponseWriter, r *http.Request, path string) {
	a := s.control(r, path)
	body, err := json.Marshal(a.body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // an error is the client's leaving
}

func (s *Simulator) control(r *http.Request, path string) *answer {
	var v controlBody
	c, ok := controls[path]
	switch {
	case !ok:
		return controlError(http.StatusNotFound, "unknown control endpoint %s", path)
	case r.Method != c.method:
		return controlError(http.StatusMethodNotAllowed, "%s accepts only %s", path, c.method)
	case r.Method == http.MethodGet: // it takes no body
	case !isJSON(r.Header.Get("Content-Type")):
		return controlError(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	default:
		d := json.NewDecoder(io.LimitReader(r.Body, maxControl))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			return invalid("invalid body: %v", err)
		}
		if _, err := d.Token(); err != io.EOF {
			return invalid("the body has more than one JSON value")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.do(s, v)
}

func (s *Simulator) showCounts(controlBody) *answer {
	return &answer{status: http.StatusOK, body: maps.Clone(s.counts)}
}

func (s *Simulator) changeStatus(v controlBody) *answer {
	if v.Status == nil {
		return invalid("status is required")
	}
	if _, known := findStatus(*v.Status); !known {
		return invalid("unknown status %d", *v.Status)
	}
	c, ok := s.cases[v.ID]
	if !ok {
		return noCase(v.ID)
	}
	s.setStatus(c, *v.Status)
	return done
}

// reply adds an engineer's answer, to a closed ticket too. An empty text is
// refused: it is more likely to be a mistake than an answer.
func (s *Simulator) reply(v controlBody) *answer {
	if !between(v.Content, 1, maxContent) {
		return invalid("the text must have 1 to %d characters", maxContent)
	}
	c, ok := s.cases[v.ID]
	if !ok {
		return noCase(v.ID)
	}
	s.addMessage(c, Message{Type: 1, ReplierType: 1, Content: v.Content})
	return done
}

// replaceFaults changes nothing when one of the faults is wrong.
func (s *Simulator) replaceFaults(v controlBody) *answer {
	if v.Faults == nil {
		return invalid("faults is required")
	}
	faults := make([]Fault, len(v.Faults))
	for i, text := range v.Faults {
		var err error
		if faults[i], err = ParseFault(text); err != nil {
			return invalid("%v", err)
		}
	}
	s.setFaults(faults)
	return done
}

func (s *Simulator) giveIDToken(v controlBody) *answer {
	if v.Audience == "" || v.Seconds < 1 {
		return invalid("audience and seconds are required")
	}
	token := s.idToken(v.Audience, time.Duration(v.Seconds)*time.Second)
	return &answer{status: http.StatusOK, body: map[string]string{"id_token": token}}
}
