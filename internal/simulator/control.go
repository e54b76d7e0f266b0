package simulator

import (
	"fmt"
	"maps"
	"time"
)

// The control endpoints are the simulator's own and no part of the service. They are
// routes like those of the service, but their requests are not recorded, and no fault
// strikes them. A refusal has the one member "error".
//
// They need no token: a test may revoke all tokens, or use access keys alone. The
// server listens on loopback addresses only and has no real data. Those that change
// something take JSON, whose media type is mandatory, so that a web page in the user's
// browser cannot send such a request.
const (
	controlPrefix = "/_simulator/"

	CountsPath   = controlPrefix + "requests"  // GET: the number of requests by operation
	StatusPath   = controlPrefix + "status"    // PUT {"id", "status"}: set a ticket's status, a number
	RepliesPath  = controlPrefix + "replies"   // POST {"id", "content"}: add an engineer's answer
	FaultsPath   = controlPrefix + "faults"    // PUT {"faults"}: replace the faults; each is a text for ParseFault
	IDTokensPath = controlPrefix + "id-tokens" // POST {"audience", "seconds"}: get an ID token that lives so long, as {"id_token"}
)

// controls are not in routes, because ParseFault looks there for the operations.
var controls = []route{
	{method: "GET", pattern: CountsPath, access: ownCredentials, form: controlError, handle: (*exchange).showCounts},
	{method: "PUT", pattern: StatusPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).changeStatus},
	{method: "POST", pattern: RepliesPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).reply},
	{method: "PUT", pattern: FaultsPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).replaceFaults},
	{method: "POST", pattern: IDTokensPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).giveIDToken},
}

func controlError(_ *exchange, _ int, e wireError) any { return map[string]string{"error": e.Msg} }

func invalid(format string, args ...any) *answer {
	return refuse(400, "", fmt.Sprintf(format, args...))
}

func noCase(id string) *answer { return refuse(404, "", fmt.Sprintf("unknown ticket %q", id)) }

// done is the answer of an endpoint that has nothing to tell.
var done = &answer{status: 200, body: struct{}{}}

func (ex *exchange) showCounts(object) func() *answer {
	return func() *answer { return &answer{status: 200, body: maps.Clone(ex.counts)} }
}

// changeStatus changes a ticket's status. A ticket that becomes completed is resolved
// now; a ticket that leaves this status is no longer resolved.
func (ex *exchange) changeStatus(body object) func() *answer {
	ex.only(body, "id", "status")
	id := mandatory[string](ex, body, "id")
	status := ex.integer(body, "status")
	_, known := FindStatus(status)
	ex.require(known, invalid("unknown status %d", status))
	return func() *answer {
		c, ok := ex.cases[id]
		if !ok {
			return noCase(id)
		}
		if c.Status != status {
			c.Status, c.ResolveTime = status, time.Time{}
			if status == statusCompleted {
				c.ResolveTime = ex.now()
			}
		}
		return done
	}
}

// reply adds an engineer's answer, to a closed ticket too. An empty text is
// refused: it is more likely to be a mistake than an answer.
func (ex *exchange) reply(body object) func() *answer {
	ex.only(body, "id", "content")
	id := mandatory[string](ex, body, "id")
	content := mandatory[string](ex, body, "content")
	ex.require(between(content, 1, maxContent), invalid("the text must have 1 to %d characters", maxContent))
	return func() *answer {
		c, ok := ex.cases[id]
		if !ok {
			return noCase(id)
		}
		ex.addMessage(c, Message{Type: 1, ReplierType: 1, Content: content})
		return done
	}
}

// replaceFaults changes nothing when one of the faults is wrong.
func (ex *exchange) replaceFaults(body object) func() *answer {
	var faults []Fault
	for _, text := range ex.texts("faults", sole[[]any](ex, body, "faults")) {
		f, err := ParseFault(text)
		ex.require(err == nil, invalid("%v", err))
		faults = append(faults, f)
	}
	return func() *answer {
		ex.setFaults(faults)
		return done
	}
}

func (ex *exchange) giveIDToken(body object) func() *answer {
	ex.only(body, "audience", "seconds")
	audience := mandatory[string](ex, body, "audience")
	seconds := ex.integer(body, "seconds")
	ex.require(audience != "" && seconds > 0, invalid("audience and seconds are required"))
	return func() *answer {
		token := ex.idToken(audience, time.Duration(seconds)*time.Second)
		return &answer{status: 200, body: map[string]string{"id_token": token}}
	}
}
