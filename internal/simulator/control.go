package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The control endpoints are the simulator's own and no part of the service. They are
// routes like those of the service, but their requests are not recorded, and no fault
// strikes them. They answer with plain text, refusals too, and ticketsim prints it as it is.
//
// They need no token: a test may revoke all tokens, or use access keys alone. The
// server listens on loopback addresses only and has no real data. Those that change
// something take JSON, whose media type is mandatory, so that a web page in the user's
// browser cannot send such a request.
const (
	controlPrefix = "/_simulator/"

	CountsPath   = controlPrefix + "requests"  // GET: a line for each operation, with the number of its requests
	ThreadPath   = controlPrefix + "thread"    // GET ?id=: a ticket and its messages
	StatusPath   = controlPrefix + "status"    // PUT {"id", "status"}: set a ticket's status, a number
	RepliesPath  = controlPrefix + "replies"   // POST {"id", "content"}: add an engineer's answer
	FaultsPath   = controlPrefix + "faults"    // PUT {"faults"}: replace the faults; each is a text for ParseFault
	IDTokensPath = controlPrefix + "id-tokens" // POST {"audience", "seconds"}: get an ID token that lives so long
)

// ServerName is the Server header of these answers. Any server could answer with text.
const ServerName = "ticketsim"

// controls are not in routes, because ParseFault looks there for the operations.
var controls = []route{
	{method: "GET", pattern: CountsPath, access: ownCredentials, form: controlError, handle: (*exchange).showCounts},
	{method: "GET", pattern: ThreadPath, query: []string{"id"}, access: ownCredentials, form: controlError, handle: (*exchange).showThread},
	{method: "PUT", pattern: StatusPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).changeStatus},
	{method: "POST", pattern: RepliesPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).reply},
	{method: "PUT", pattern: FaultsPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).replaceFaults},
	{method: "POST", pattern: IDTokensPath, json: true, access: ownCredentials, form: controlError, handle: (*exchange).giveIDToken},
}

func controlError(_ *exchange, _ int, e wireError) any { return e.Msg }

// onNamed carries out do with the ticket of this ID, and answers with its text.
func (ex *exchange) onNamed(id string, do func(c *caseState) string) func() *answer {
	return func() *answer {
		c, ok := ex.cases[id]
		if !ok {
			return refuse(404, "", fmt.Sprintf("unknown ticket %q", id))
		}
		return &answer{status: 200, body: do(c)}
	}
}

func (ex *exchange) showCounts(object) func() *answer {
	return func() *answer {
		var lines strings.Builder
		for _, op := range slices.Sorted(maps.Keys(ex.counts)) {
			fmt.Fprintln(&lines, op, ex.counts[op])
		}
		return &answer{status: 200, body: lines.String()}
	}
}

func (ex *exchange) showThread(object) func() *answer {
	return ex.onNamed(ex.query.Get("id"), ex.thread)
}

// changeStatus changes a ticket's status. A ticket that becomes completed is resolved
// now; a ticket that leaves this status is no longer resolved.
func (ex *exchange) changeStatus(body object) func() *answer {
	id := mandatory[string](ex, body, "id")
	status := ex.integer(body, "status")
	_, known := statuses[status]
	ex.require(known, malformed(fmt.Sprintf("unknown status %d", status)))
	return ex.onNamed(id, func(c *caseState) string {
		if c.Status != status {
			c.Status, c.ResolveTime = status, time.Time{}
			if status == statusCompleted {
				c.ResolveTime = ex.now()
			}
		}
		return ""
	})
}

// reply adds an engineer's answer, to a closed ticket too. An empty text is
// refused: it is more likely to be a mistake than an answer.
func (ex *exchange) reply(body object) func() *answer {
	id := mandatory[string](ex, body, "id")
	content := mandatory[string](ex, body, "content")
	ex.require(between(content, 1, maxContent), malformed(fmt.Sprintf("the text must have 1 to %d characters", maxContent)))
	return ex.onNamed(id, func(c *caseState) string {
		ex.addMessage(c, Message{Type: 1, ReplierType: 1, Content: content})
		return ""
	})
}

// replaceFaults changes nothing when one of the faults is wrong.
func (ex *exchange) replaceFaults(body object) func() *answer {
	var faults []Fault
	for _, text := range ex.texts("faults", mandatory[[]any](ex, body, "faults")) {
		f, err := ParseFault(text)
		ex.require(err == nil, malformed(fmt.Sprint(err)))
		faults = append(faults, f)
	}
	return func() *answer {
		ex.setFaults(faults)
		return &answer{status: 200, body: ""}
	}
}

func (ex *exchange) giveIDToken(body object) func() *answer {
	audience := mandatory[string](ex, body, "audience")
	seconds := ex.integer(body, "seconds")
	ex.require(audience != "" && seconds > 0, malformed("audience and seconds are required"))
	return func() *answer {
		return &answer{status: 200, body: ex.idToken(audience, time.Duration(seconds)*time.Second) + "\n"}
	}
}
