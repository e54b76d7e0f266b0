package simulator

import "time"

// FaultKind describes a kind of fault. Some kinds answer instead of the operation. The
// others are conditions: any number of them affects a request, beside its answer.
type FaultKind struct {
	Name       string
	Operations []string // the requests that it strikes by default; nil is any
	Parameters []string // those of Fault.Parameters that it takes; each kind takes op and times
	Doc        string

	delay time.Duration // of a fault that sets none

	// strike answers; nil for a condition. a is the operation's own answer, nil when
	// the operation was not carried out.
	strike func(ex *exchange, f Fault, a *answer)
}

const (
	kindAnswer     = "answer"
	kindLostAnswer = "lost-answer"
	kindLateList   = "late-list"
	kindLatency    = "latency"
	kindNoDate     = "no-date"
	kindSkew       = "clock-skew"
)

var (
	submits = []string{OpSubmit}
	reads   = []string{OpList, OpDetail}
	delayed = []string{"delay"}
	stored  = []string{"stored"}
)

// faultKinds is every kind, in the order of help texts. What a user's pipeline meets,
// or a test of the provider needs through HTTP, is a kind or a parameter of one. What
// one test needs is a function in this test: see Options.Show.
var faultKinds = []FaultKind{
	{kindAnswer, submits, []string{"status", "code", "stored", "retry_after", "location"}, "answers with the status and the code", 0, strikeAnswer},
	{kindLostAnswer, submits, nil, "carries out the request, and closes the connection without an answer", 0, strikeCut},
	{"cut", submits, stored, "reads the request, and closes the connection without an answer", 0, strikeCut},
	{"slow", submits, []string{"stored", "delay"}, "answers only after the delay, with status 504 unless stored; without a delay, never", 0, strikeSlow},
	{"truncated", submits, stored, "answers with status 200 and a body that ends in the middle", 0, strikeTruncated},
	{"html", submits, stored, "answers with status 200 and the page of a captive portal", 0, strikeHTML},
	{"huge", submits, stored, "answers with status 200 and a body of 100 MB", 0, strikeHuge},
	{"unbounded", submits, stored, "answers with status 200 and an empty body of unknown length, and closes the connection", 0, strikeUnbounded},
	{"101", submits, nil, "answers with status 101, then is silent until the client leaves", 0, strikeSwitch},

	{kindLateList, reads, delayed, "shows a message only when it is older than the delay (default 3s)", 3 * time.Second, nil},
	{kindLatency, nil, delayed, "delays every answer (default 100ms)", 100 * time.Millisecond, nil},
	{kindSkew, nil, []string{"skew"}, "sets the service's clock off by the skew (default 10m), for all requests", 0, nil},
	{kindNoDate, nil, nil, "leaves out the Date header", 0, nil},
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
