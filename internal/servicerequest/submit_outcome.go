package servicerequest

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// outcome is what one attempt to submit a message came to.
type outcome int

const (
	// unknown: the message may be on the ticket. It is the zero value, so that a
	// case that the code does not handle leads to a check, not to another attempt.
	unknown outcome = iota
	// unknownRefused: like unknown, but the answer is a refusal, so the message is
	// not sent again.
	unknownRefused
	// submitted: the service confirmed the message.
	submitted
	// rejected: the service refused the message. Another attempt would not help.
	rejected
	// unauthenticated: the gateway refused the credentials, before the backend
	// had the message.
	unauthenticated
	// notExecuted: the message never reached the service's backend.
	notExecuted
)

func (o outcome) String() string {
	return [...]string{"unknown", "unknown, with a refusal", "submitted", "rejected", "unauthenticated", "not executed"}[o]
}

// submitRules are tried in order; the first that applies gives the outcome.
var submitRules = []struct {
	applies func(o observation, a submitAnswer) bool
	outcome outcome
	reason  string
}{
	// Without a connection (DNS, dial, proxy, TLS), no byte of the request was sent.
	{func(o observation, _ submitAnswer) bool { return o.err != nil && !o.connected }, notExecuted, "no connection"},
	// Once there was a connection, the whole request may have arrived.
	{func(o observation, _ submitAnswer) bool { return o.err != nil }, unknown, "no answer"},
	// The gateway checks credentials and the rate before it calls the backend.
	{submitStatus(http.StatusUnauthorized), unauthenticated, "credentials refused"},
	{submitStatus(http.StatusTooManyRequests), notExecuted, "throttled"},
	// A redirect is not followed, and nothing behind it was asked.
	{submitStatusClass(3), rejected, "redirected"},
	{func(o observation, _ submitAnswer) bool { return unknownStatus[o.status] }, unknown, "timed out or cut off before the service answered"},
	{submitStatusClass(4), rejected, "refused"},
	// 502 and 504 come from a gateway whose backend may have stored the message.
	// A 503 may come from a backend that crashed after it stored the message.
	{func(o observation, _ submitAnswer) bool { return o.status != http.StatusOK }, unknown, "server error or unexpected status"},
	// From here on the status is 200. The body was cut off or exceeds the limit.
	{func(o observation, _ submitAnswer) bool { return o.bodyErr != nil }, unknown, "unreadable answer"},
	// A captive portal or a proxy answers 200 too.
	{func(_ observation, a submitAnswer) bool { return !a.recognised }, unknown, "answer not from the service"},
	// An empty body that only the end of the connection delimits may be the
	// beginning of a longer one.
	{func(o observation, a submitAnswer) bool { return a.empty && !o.delimited }, unknown, "answer of unknown length"},
	{func(_ observation, a submitAnswer) bool { return a.Code == "" }, submitted, "accepted"},
	// "Operation failed" does not say whether the message was stored.
	{func(_ observation, a submitAnswer) bool { return operationFailed[a.Code] }, unknown, "operation failed"},
	{func(_ observation, a submitAnswer) bool { return rejectingCodes[a.Code] }, rejected, "refused"},
	// A code that is not documented for HTTP 200, such as one of the gateway.
	{func(observation, submitAnswer) bool { return true }, unknownRefused, "refused with an undocumented code"},
}

func submitStatus(code int) func(observation, submitAnswer) bool {
	return func(o observation, _ submitAnswer) bool { return o.status == code }
}

func submitStatusClass(class int) func(observation, submitAnswer) bool {
	return func(o observation, _ submitAnswer) bool { return o.status/100 == class }
}

// classifySubmit returns the outcome of an attempt to submit, and the reason for it.
func classifySubmit(o observation) (outcome, string) {
	a := parseSubmitAnswer(o.body)
	for _, r := range submitRules {
		if r.applies(o, a) {
			return r.outcome, r.reason
		}
	}
	return unknown, "no rule" // the last rule always applies
}

// submitAnswer is the body of an answer of the service or its gateway.
type submitAnswer struct {
	Code    string `json:"error_code"`
	Message string `json:"error_msg"`
	// recognised reports whether the body is one that the service gives: nothing,
	// {}, or an object with an error_code. Any other body may be from a proxy.
	recognised bool
	empty      bool // the body has only white space
}

func parseSubmitAnswer(body []byte) submitAnswer {
	body = bytes.Trim(body, " \t\r\n") // the white space of JSON
	if len(body) == 0 {
		return submitAnswer{recognised: true, empty: true}
	}
	var members map[string]json.RawMessage
	var a submitAnswer
	if json.Unmarshal(body, &members) != nil || members == nil || json.Unmarshal(body, &a) != nil {
		return submitAnswer{}
	}
	_, code := members["error_code"]
	a.recognised = len(members) == 0 || code
	return a
}
