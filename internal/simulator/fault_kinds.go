package simulator

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"time"
)

// FaultKind describes a kind of fault. All but clock-skew answer instead of the operation.
type FaultKind struct {
	Name       string
	Parameters []string // those of Fault.Parameters that it takes; each kind takes op and times
	Doc        string

	// strike returns the answer, or closes the connection. a is the operation's own answer,
	// nil when the operation was not carried out. clock-skew has none.
	strike func(ex *exchange, f Fault, a *answer) *answer
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
		strikeBody("application/json", "64", `{"error_code":"`)},
	{"html", stored, "answers with status 200 and the page of a captive portal", strikeBody("text/html; charset=utf-8", "",
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

func strikeAnswer(_ *exchange, f Fault, _ *answer) *answer {
	a := &answer{status: f.Status, raw: http.NoBody}
	if f.Code != "" {
		a = refuse(f.Status, f.Code, "Simulated fault")
	}
	a.header = map[string]string{"Retry-After": f.RetryAfter, "Location": f.Location}
	return a
}

func strikeCut(*exchange, Fault, *answer) *answer { panic(http.ErrAbortHandler) }

func strikeSlow(ex *exchange, f Fault, a *answer) *answer {
	var elapsed <-chan time.Time
	if f.Delay > 0 {
		elapsed = time.After(f.Delay)
	}
	select {
	case <-elapsed:
	case <-ex.r.Context().Done(): // the client closes the connection, or the server closes
		panic(http.ErrAbortHandler)
	}
	return cmp.Or(a, refuse(504, documentedCodes[504], "Simulated fault"))
}

func strikeBody(contentType, length, body string) func(*exchange, Fault, *answer) *answer {
	header := map[string]string{"Content-Type": contentType, "Content-Length": length}
	return func(*exchange, Fault, *answer) *answer {
		return &answer{status: 200, header: header, raw: strings.NewReader(body)}
	}
}

func strikeHuge(*exchange, Fault, *answer) *answer {
	chunk := strings.Repeat("x", 1<<20)
	parts := []io.Reader{strings.NewReader(`{"error_code":"","error_msg":"`)}
	for range 100 {
		parts = append(parts, strings.NewReader(chunk))
	}
	parts = append(parts, strings.NewReader(`"}`))
	return &answer{status: 200, header: map[string]string{"Content-Type": "application/json"}, raw: io.MultiReader(parts...)}
}
