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
		want Outcome
	}{
		{"never connected", observation{err: failed}, NotExecuted},
		{"the handshake was refused", observation{err: &handshakeError{failed}, connected: true}, NotExecuted},
		{"an answer on no known connection", observation{status: 200, delimited: true, header: http.Header{}}, Submitted},
		{"connected, then nothing", observation{err: failed, connected: true}, Unknown},

		{"the documented success", answered(200, ""), Submitted},
		{"white space is nothing", answered(200, " \r\n\t"), Submitted},
		{"an empty object", answered(200, "{}"), Submitted},
		{"an empty object, spaced", answered(200, " { } \n"), Submitted},
		{"an empty code", answered(200, `{"error_code":""}`), Submitted},
		{"an empty code and text", answered(200, `{"error_code":"","error_msg":""}`), Submitted},
		{"a null code", answered(200, `{"error_code":null,"error_msg":null}`), Submitted},
		{"a null text alone", answered(200, `{"error_msg":null}`), Submitted},
		{"more members than documented", answered(200, `{"error_code":"","request_id":"1"}`), Unknown},
		{"a member of another case", answered(200, `{"Error_Code":""}`), Unknown},
		{"a code of another case", answered(200, `{"error_code":"","Error_Code":"OSM.01010015"}`), Unknown},
		{"a code twice", answered(200, `{"error_code":"","error_code":""}`), Unknown},
		{"two codes", answered(200, `{"error_code":"OSM.01010015","error_code":""}`), Unknown},
		{"two codes, the other way round", answered(200, `{"error_code":"","error_code":"OSM.01010015"}`), Unknown},
		{"a code twice, once escaped", answered(200, `{"error_code":"","error\u005fcode":""}`), Unknown},
		{"an empty code and a text", answered(200, `{"error_code":"","error_msg":"Done"}`), Unknown},

		{"a text without a code may be anyone's", answered(200, `{"error_msg":"Backend unavailable"}`), Unknown},
		{"someone else's object", answered(200, `{"status":"ok"}`), Unknown},
		{"a captive portal", answered(200, "<!DOCTYPE html><html></html>"), Unknown},
		{"a word", answered(200, "OK"), Unknown},
		{"null", answered(200, "null"), Unknown},
		{"an array", answered(200, `[]`), Unknown},
		{"a string", answered(200, `""`), Unknown},
		{"a number", answered(200, `0`), Unknown},
		{"a code that is a number", answered(200, `{"error_code":0}`), Unknown},
		{"a code that is an object", answered(200, `{"error_code":{}}`), Unknown},
		{"a text that is a list", answered(200, `{"error_code":"","error_msg":[]}`), Unknown},
		{"truncated", answered(200, `{"error_code":"`), Unknown},
		{"two objects", answered(200, `{}{}`), Unknown},
		{"a form feed is no white space", answered(200, "\f{}"), Unknown},
		{"a byte order mark that was not dropped", answered(200, "\ufeff{}"), Unknown},
		{"a body that broke off before its first byte", cut, Unknown},
		{"a refusal that broke off", cutCode, Unknown},
		{"too long for the service", long, Unknown},
		{"nothing, and no end", endless, Unknown},
		{"an object that has its own end", endlessCode, Submitted},
		{"a refusal that has its own end", endlessRefusal, Rejected},
		{"switching protocols", answered(101, ""), Unknown},

		{"parameters", code(200, "OSM.01010001"), Rejected},
		{"permission", code(200, "OSM.01010002"), Rejected},
		{"attachments of the day", code(200, "OSM.01010005"), Rejected},
		{"no customer in the token", code(200, "OSM.01010011"), Rejected},
		{"no such ticket", code(200, "OSM.01010015"), Rejected},
		{"a rejection with another member", answered(200, `{"error_code":"OSM.01010015","error_msg":"x","request_id":"1"}`), Rejected},
		{"a rejection with a member twice", answered(200, `{"error_code":"OSM.01010015","request_id":"1","request_id":"1"}`), Unknown},
		{"another code with another member", answered(200, `{"error_code":"APIGW.0308","request_id":"1"}`), UnknownRefused},
		{"operation failed with another member", answered(200, `{"error_code":"OSM.01010014","request_id":"1"}`), Unknown},
		{"a code of white space", answered(200, `{"error_code":" "}`), UnknownRefused},
		{"a code that no page lists", code(200, "OSM.99999999"), UnknownRefused},
		{"an internal error with a 200", code(200, "OSM.0004"), UnknownRefused},
		{"the gateway's code with a 200", code(200, "APIGW.0308"), UnknownRefused},
		{"operation failed", code(200, "OSM.01010014"), Unknown},
		{"operation failed", code(200, "OSM.01010017"), Unknown},

		{"bad parameters", code(400, "OSM.0001"), Rejected},
		{"token expired", code(401, "OSM.0002"), Unauthenticated},
		{"wrong credentials, at the gateway", code(401, "APIGW.0301"), Unauthenticated},
		{"token of another region", code(401, "APIG.0307"), Unauthenticated},
		{"a 401 of anyone", answered(401, "<html>"), Unauthenticated},
		{"forbidden", code(403, "OSM.0003"), Rejected},
		{"not found", answered(404, ""), Rejected},
		{"method not allowed", answered(405, ""), Rejected},
		{"a proxy wants a password", answered(407, ""), UnknownRefused},
		{"the request did not arrive in time", answered(408, ""), Unknown},
		{"too early", answered(425, ""), Unknown},
		{"the client left, says a proxy", answered(499, ""), Unknown},
		{"conflict", answered(409, ""), UnknownRefused},
		{"unprocessable", answered(422, ""), UnknownRefused},
		{"gone", answered(410, ""), UnknownRefused},
		{"too large", code(413, "APIGW.0201"), Rejected},
		{"throttled", code(429, "APIGW.0308"), Throttled},
		{"throttled by anyone", answered(429, "<html>"), Throttled},
		{"a 4xx nobody knows", answered(498, ""), UnknownRefused},

		{"internal error", code(500, "OSM.0004"), Unknown},
		{"a rejecting code with a 500", code(500, "OSM.01010015"), Unknown},
		{"backend unavailable", code(502, "APIGW.0201"), Unknown},
		{"a backend that fell over", code(503, "APIGW.0613"), Unknown},
		{"backend timed out", code(504, "APIGW.0201"), Unknown},
		{"a 5xx nobody knows", answered(599, ""), Unknown},

		{"moved", answered(301, ""), UnknownRefused},
		{"found", answered(302, ""), UnknownRefused},
		{"not modified", answered(304, ""), UnknownRefused},
		{"redirected with the body", answered(307, ""), UnknownRefused},
		{"redirected with the body", answered(308, ""), UnknownRefused},

		{"created is not what the service says", answered(201, "{}"), Unknown},
		{"accepted is not yet done", answered(202, ""), Unknown},
		{"no content is not what the service says", answered(204, ""), Unknown},
		{"an informational status", answered(100, ""), Unknown},
		{"no status at all", observation{connected: true}, Unknown},
	} {
		got, reason := classify(tc.o)
		if got != tc.want || reason == "" || reason == "no rule" {
			t.Errorf("%s (%d %.40q): %v (%s), want %v", tc.why, tc.o.status, tc.o.body, got, reason, tc.want)
		}
	}
}
