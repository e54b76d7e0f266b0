package servicerequest

import "net/http"

// rules are tried in order; the first that applies gives the outcome of a POST.
var rules = []struct {
	applies func(o observation, a answer) bool
	outcome Outcome
	reason  string
}{
	// Without a connection (DNS, dial, proxy, TLS), no byte of the request was sent.
	{func(o observation, _ answer) bool { return o.err != nil && !o.connected }, NotExecuted, "no connection"},
	// The server ended the TLS handshake, so it read nothing that came after it.
	{func(o observation, _ answer) bool { return IsHandshakeRefused(o.err) }, NotExecuted, "TLS handshake refused"},
	// Once there was a connection, the whole request may have arrived.
	{func(o observation, _ answer) bool { return o.err != nil }, Unknown, "no answer"},
	// The gateway checks credentials and the rate before it calls the backend.
	{func(o observation, _ answer) bool { return o.status == http.StatusUnauthorized }, Unauthenticated, "credentials refused"},
	{func(o observation, _ answer) bool { return o.status == http.StatusTooManyRequests }, Throttled, "throttled"},
	// 408, 425 and 499 do not say whether the backend had the request.
	{func(o observation, _ answer) bool { return unknownStatus[o.status] }, Unknown, "timed out or cut off before the service answered"},
	// The service documents these for what it refuses, and does nothing then.
	{func(o observation, _ answer) bool { return rejectingStatus[o.status] }, Rejected, "refused"},
	// Nothing behind a redirect was asked, but what came before it may have acted.
	{func(o observation, _ answer) bool { return o.status/100 == 3 }, UnknownRefused, "redirected"},
	// No page documents another status of class 4, such as 409 or 422.
	{func(o observation, _ answer) bool { return o.status/100 == 4 }, UnknownRefused, "refused with an undocumented status"},
	// 502 and 504 come from a gateway whose backend may have stored the message.
	// A 503 may come from a backend that crashed after it stored the message.
	{func(o observation, _ answer) bool { return o.status != http.StatusOK }, Unknown, "server error or unexpected status"},
	// From here on the status is 200. The body was cut off or exceeds the limit.
	{func(o observation, _ answer) bool { return o.bodyErr != nil }, Unknown, "unreadable answer"},
	// A captive portal or a proxy answers 200 too.
	{func(_ observation, a answer) bool { return !a.empty && !a.object }, Unknown, "answer not from the service"},
	// Which of the two values counts, a reader can only guess.
	{func(_ observation, a answer) bool { return a.repeats }, Unknown, "answer with a member twice"},
	// An empty body that only the end of the connection delimits may be the
	// beginning of a longer one.
	{func(o observation, a answer) bool { return a.empty && !o.delimited }, Unknown, "answer of unknown length"},
	// "Operation failed" does not say whether the message was stored.
	{func(_ observation, a answer) bool { return operationFailed[a.Code] }, Unknown, "operation failed"},
	// These are documented: the message was not stored.
	{func(_ observation, a answer) bool { return rejectingCodes[a.Code] != CauseOther }, Rejected, "refused"},
	// A code that is not documented for HTTP 200, such as one of the gateway.
	{func(_ observation, a answer) bool { return a.Code != "" }, UnknownRefused, "refused with an undocumented code"},
	// The service says nothing but a code and a text. Another object is someone else's.
	{func(_ observation, a answer) bool { return a.others }, Unknown, "answer not from the service"},
	// A text without a code may well describe a failure.
	{func(_ observation, a answer) bool { return a.Message != "" }, Unknown, "answer with a text but no code"},
	// Nothing is left but the documented success.
	{func(observation, answer) bool { return true }, Submitted, "accepted"},
}

// classify returns the outcome of one POST of a message, and the reason for it.
func classify(o observation) (Outcome, string) {
	a := parseAnswer(o.body)
	for _, r := range rules {
		if r.applies(o, a) {
			return r.outcome, r.reason
		}
	}
	return Unknown, "no rule" // the last rule always applies
}
