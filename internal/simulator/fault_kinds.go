package simulator

import "bytes"

// FaultKind describes a kind of fault. All but clock-skew answer instead of the operation.
type FaultKind struct {
	Name       string
	Parameters []string // those of Fault.Parameters that it takes; each kind takes op and times
	Doc        string

	// strike answers. a is the operation's own answer, nil when the operation was not
	// carried out. clock-skew has none.
	strike func(ex *exchange, f Fault, a *answer)
}

const (
	kindAnswer     = "answer"
	kindLostAnswer = "lost-answer"
	kindSkew       = "clock-skew"
)

var stored = []string{"stored"}

// faultKinds is every kind, in the order of help texts. What a user's pipeline meets,
// or a test of the provider needs through HTTP, is a kind or a parameter of one. What
// one test needs is a function in this test: see Options.Show.
var faultKinds = []FaultKind{
	{kindAnswer, []string{"status", "code", "stored", "retry_after", "location"}, "answers with the status and the code", strikeAnswer},
	{kindLostAnswer, nil, "carries out the request, and closes the connection without an answer", strikeCut},
	{"cut", stored, "reads the request, and closes the connection without an answer", strikeCut},
	{"slow", []string{"stored", "delay"}, "answers only after the delay, with status 504 unless stored; without a delay, never", strikeSlow},
	{"truncated", stored, "answers with status 200 and a body that ends in the middle",
		strikeBody("application/json", map[string]string{"Content-Length": "64"}, `{"error_code":"`)},
	{"html", stored, "answers with status 200 and the page of a captive portal", strikeBody("text/html; charset=utf-8", nil,
		"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Welcome to the guest network</h1></body></html>\n")},
	{"huge", stored, "answers with status 200 and a body of 100 MB", strikeHuge},
	{kindSkew, []string{"skew"}, "sets the service's clock off by the skew (default 10m), for all requests", nil},
}

// FaultKinds returns every kind of fault.
func FaultKinds() []FaultKind { return faultKinds }

// documentedCodes are the codes that the service's API reference gives for a status.
var documentedCodes = map[int]string{
	400: "OSM.0001",
	401: "OSM.0002",
	403: "OSM.0003",
	429: "APIGW.0308",
	500: "OSM.0004",
	502: "APIGW.0201",
	503: "APIGW.0613",
	504: "APIGW.0201",
}

func strikeAnswer(ex *exchange, f Fault, _ *answer) {
	header := map[string]string{}
	if f.RetryAfter != "" {
		header["Retry-After"] = f.RetryAfter
	}
	if f.Location != "" {
		header["Location"] = f.Location
	}
	if f.Code == "" {
		ex.begin(f.Status, "", header)
		return
	}
	a := refuse(f.Status, f.Code, "Simulated fault")
	a.header = header
	ex.send(a)
}

func strikeCut(ex *exchange, _ Fault, _ *answer) { ex.cut() }

func strikeSlow(ex *exchange, f Fault, a *answer) {
	ex.wait(f.Delay)
	if a == nil {
		a = refuse(504, documentedCodes[504], "Simulated fault")
	}
	ex.send(a)
}

func strikeBody(contentType string, header map[string]string, body string) func(*exchange, Fault, *answer) {
	return func(ex *exchange, _ Fault, _ *answer) {
		ex.begin(200, contentType, header)
		_, _ = ex.w.Write([]byte(body))
	}
}

func strikeHuge(ex *exchange, _ Fault, _ *answer) {
	ex.begin(200, "application/json", nil)
	_, _ = ex.w.Write([]byte(`{"error_code":"","error_msg":"`))
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		if _, err := ex.w.Write(chunk); err != nil {
			return // the client has had enough
		}
	}
	_, _ = ex.w.Write([]byte(`"}`))
}
