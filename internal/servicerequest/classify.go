package servicerequest

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// verdict is what one attempt to submit a message came to.
type verdict int

const (
	// unknown: the message may be on the ticket. It is the zero value, so that
	// whatever nobody thought of is looked at, not repeated.
	unknown verdict = iota
	// submitted: the service said so.
	submitted
	// rejected: the service read the message and refused it, for good.
	rejected
	// notExecuted: the service's backend never had the message.
	notExecuted
)

func (v verdict) String() string {
	return [...]string{"unknown", "submitted", "rejected", "not executed"}[v]
}

// rules are tried in order; the first that applies gives the verdict.
var rules = []struct {
	applies func(o observation, a answer) bool
	verdict verdict
	reason  string
}{
	// Without a connection no byte can have left: DNS, dial, proxy, TLS.
	{func(o observation, _ answer) bool { return o.err != nil && !o.connected }, notExecuted, "no connection"},
	// Once there was a connection, the whole request may have arrived.
	{func(o observation, _ answer) bool { return o.err != nil }, unknown, "no answer"},
	// The gateway checks credentials and the rate before it calls the backend.
	{status(http.StatusUnauthorized), notExecuted, "credentials refused"},
	{status(http.StatusTooManyRequests), notExecuted, "throttled"},
	// A redirect is not followed, and nothing behind it was asked.
	{statusClass(3), rejected, "redirected"},
	{statusClass(4), rejected, "refused"},
	// 502 and 504 come from a gateway whose backend may have done the work;
	// so may a 503, from a backend that fell over after the write.
	{func(o observation, _ answer) bool { return o.status != http.StatusOK }, unknown, "no verdict from the service"},
	// From here on it is a 200. Cut off, or too long to be the service's.
	{func(o observation, _ answer) bool { return o.bodyErr != nil }, unknown, "answer cut off"},
	// A captive portal or a proxy says 200 too.
	{func(_ observation, a answer) bool { return !a.recognised }, unknown, "answer not the service's"},
	{func(_ observation, a answer) bool { return a.Code == "" }, submitted, "accepted"},
	// "Operation failed" does not say before or after the write.
	{func(_ observation, a answer) bool { return operationFailed[a.Code] }, unknown, "operation failed in the service"},
	{func(observation, answer) bool { return true }, rejected, "refused"},
}

var operationFailed = map[string]bool{"OSM.01010014": true, "OSM.01010017": true}

func status(code int) func(observation, answer) bool {
	return func(o observation, _ answer) bool { return o.status == code }
}

func statusClass(class int) func(observation, answer) bool {
	return func(o observation, _ answer) bool { return o.status/100 == class }
}

// classify gives the verdict on an attempt to submit, and the reason for it.
func classify(o observation) (verdict, string) {
	a := readAnswer(o.body)
	for _, r := range rules {
		if r.applies(o, a) {
			return r.verdict, r.reason
		}
	}
	return unknown, "no rule" // the last rule always applies
}

// answer is what the service and its gateway say of a call.
type answer struct {
	Code    string `json:"error_code"`
	Message string `json:"error_msg"`
	// recognised tells that the body is one that the service gives: nothing,
	// {}, or an object with an error_code. A text without a code may be anyone's.
	recognised bool
}

func readAnswer(body []byte) answer {
	body = bytes.Trim(body, " \t\r\n") // the white space of JSON
	if len(body) == 0 {
		return answer{recognised: true}
	}
	var members map[string]json.RawMessage
	var a answer
	if json.Unmarshal(body, &members) != nil || members == nil || json.Unmarshal(body, &a) != nil {
		return answer{}
	}
	_, code := members["error_code"]
	a.recognised = len(members) == 0 || code
	return a
}
