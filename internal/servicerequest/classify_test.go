package servicerequest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	answered := func(status int, body string) observation {
		return observation{status: status, body: []byte(body), connected: true, header: http.Header{}, delimited: true}
	}
	code := func(status int, code string) observation {
		return answered(status, `{"error_code":"`+code+`","error_msg":"x"}`)
	}
	failed := errors.New("failed")
	cut := answered(200, "")
	cut.bodyErr = io.ErrUnexpectedEOF
	cutCode := code(200, "OSM.01010001")
	cutCode.bodyErr = io.ErrUnexpectedEOF
	endless, endlessCode, endlessRefusal := answered(200, ""), answered(200, "{}"), code(200, "OSM.01010015")
	endless.delimited, endlessCode.delimited, endlessRefusal.delimited = false, false, false
	long := answered(200, strings.Repeat(" ", maxBodyBytes))
	long.bodyErr = errBodyTooLong

	for _, tc := range []struct {
		why  string
		o    observation
		want outcome
	}{
		{"never connected", observation{err: failed}, notExecuted},
		{"connected, then nothing", observation{err: failed, connected: true}, unknown},

		{"the documented success", answered(200, ""), submitted},
		{"white space is nothing", answered(200, " \r\n\t"), submitted},
		{"an empty object", answered(200, "{}"), submitted},
		{"an empty object, spaced", answered(200, " { } \n"), submitted},
		{"an empty code", answered(200, `{"error_code":""}`), submitted},
		{"an empty code and text", answered(200, `{"error_code":"","error_msg":""}`), submitted},
		{"a null code", answered(200, `{"error_code":null,"error_msg":null}`), submitted},
		{"more members than documented", answered(200, `{"error_code":"","request_id":"1"}`), submitted},

		{"a text without a code may be anyone's", answered(200, `{"error_msg":"Backend unavailable"}`), unknown},
		{"someone else's object", answered(200, `{"status":"ok"}`), unknown},
		{"a captive portal", answered(200, "<!DOCTYPE html><html></html>"), unknown},
		{"a word", answered(200, "OK"), unknown},
		{"null", answered(200, "null"), unknown},
		{"an array", answered(200, `[]`), unknown},
		{"a string", answered(200, `""`), unknown},
		{"a number", answered(200, `0`), unknown},
		{"a code that is a number", answered(200, `{"error_code":0}`), unknown},
		{"a code that is an object", answered(200, `{"error_code":{}}`), unknown},
		{"a text that is a list", answered(200, `{"error_code":"","error_msg":[]}`), unknown},
		{"truncated", answered(200, `{"error_code":"`), unknown},
		{"two objects", answered(200, `{}{}`), unknown},
		{"a form feed is no white space", answered(200, "\f{}"), unknown},
		{"a byte order mark", answered(200, "\ufeff{}"), unknown},
		{"a body that broke off before its first byte", cut, unknown},
		{"a refusal that broke off", cutCode, unknown},
		{"too long for the service", long, unknown},
		{"nothing, and no end", endless, unknown},
		{"an object that has its own end", endlessCode, submitted},
		{"a refusal that has its own end", endlessRefusal, rejected},
		{"switching protocols", answered(101, ""), unknown},

		{"parameters", code(200, "OSM.01010001"), rejected},
		{"permission", code(200, "OSM.01010002"), rejected},
		{"attachments of the day", code(200, "OSM.01010005"), rejected},
		{"no customer in the token", code(200, "OSM.01010011"), rejected},
		{"no such ticket", code(200, "OSM.01010015"), rejected},
		{"a code that no page lists", code(200, "OSM.99999999"), unknownRefused},
		{"an internal error with a 200", code(200, "OSM.0004"), unknownRefused},
		{"the gateway's code with a 200", code(200, "APIGW.0308"), unknownRefused},
		{"operation failed", code(200, "OSM.01010014"), unknown},
		{"operation failed", code(200, "OSM.01010017"), unknown},

		{"bad parameters", code(400, "OSM.0001"), rejected},
		{"token expired", code(401, "OSM.0002"), unauthenticated},
		{"wrong credentials, at the gateway", code(401, "APIGW.0301"), unauthenticated},
		{"token of another region", code(401, "APIG.0307"), unauthenticated},
		{"a 401 of anyone", answered(401, "<html>"), unauthenticated},
		{"forbidden", code(403, "OSM.0003"), rejected},
		{"not found", answered(404, ""), rejected},
		{"a proxy wants a password", answered(407, ""), rejected},
		{"the request did not arrive in time", answered(408, ""), unknown},
		{"too early", answered(425, ""), unknown},
		{"the client left, says a proxy", answered(499, ""), unknown},
		{"conflict", answered(409, ""), rejected},
		{"too large", code(413, "APIGW.0201"), rejected},
		{"throttled", code(429, "APIGW.0308"), notExecuted},
		{"throttled by anyone", answered(429, "<html>"), notExecuted},
		{"a 4xx nobody knows", answered(498, ""), rejected},

		{"internal error", code(500, "OSM.0004"), unknown},
		{"a rejecting code with a 500", code(500, "OSM.01010015"), unknown},
		{"backend unavailable", code(502, "APIGW.0201"), unknown},
		{"a backend that fell over", code(503, "APIGW.0613"), unknown},
		{"backend timed out", code(504, "APIGW.0201"), unknown},
		{"a 5xx nobody knows", answered(599, ""), unknown},

		{"moved", answered(301, ""), rejected},
		{"found", answered(302, ""), rejected},
		{"not modified", answered(304, ""), rejected},
		{"redirected with the body", answered(307, ""), rejected},
		{"redirected with the body", answered(308, ""), rejected},

		{"created is not what the service says", answered(201, "{}"), unknown},
		{"accepted is not yet done", answered(202, ""), unknown},
		{"no content is not what the service says", answered(204, ""), unknown},
		{"an informational status", answered(100, ""), unknown},
		{"no status at all", observation{connected: true}, unknown},
	} {
		got, reason := classify(tc.o)
		if got != tc.want || reason == "" || reason == "no rule" {
			t.Errorf("%s (%d %.40q): %v (%s), want %v", tc.why, tc.o.status, tc.o.body, got, reason, tc.want)
		}
	}
}

// An unexpected answer must lead to a check.
func TestUnknownIsTheZeroOutcome(t *testing.T) {
	t.Parallel()
	var o outcome
	var p presence
	if o != unknown || p != unclear {
		t.Error("a forgotten outcome or presence would lead to a POST")
	}
}
