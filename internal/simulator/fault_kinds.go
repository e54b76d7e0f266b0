package simulator

import (
	"strings"
	"time"
)

// FaultKind describes a kind of fault.
type FaultKind struct {
	Name      string
	Operation string // which requests it strikes by default; "" is any
	Committed bool   // a submit that it strikes does put the message on the ticket, at once
	Doc       string
}

// faultKind is a kind of fault. There are two sorts. One answers instead of the
// operation, with strike. The other is a condition: it has one of the functions
// after strike, or the code looks it up by name.
type faultKind struct {
	FaultKind
	also  string        // a second default operation
	delay time.Duration // of a fault that sets none
	skew  time.Duration // of a fault that sets none
	late  bool          // a submit that it strikes puts the message on the ticket after the delay

	// strike answers. a is the operation's own answer, nil when the operation
	// was not carried out.
	strike func(ex *exchange, f Fault, a *answer)

	items   func(ex *exchange, f Fault, items []*message) []*message // returns other items for a list; it must not write to items
	count   func(n int) int                                          // changes the count of a list
	message func(w *wireMessage)                                     // changes how a submitted message is shown
	text    func(text string) string                                 // changes how the text of a submitted message is shown
}

// carriesOut reports whether an operation that the kind strikes is carried out.
func (k *faultKind) carriesOut(op string) bool { return k.Committed || k.late && op == OpSubmit }

// The kinds that code looks up by name.
const (
	kindLateList      = "late-list"
	kindStrips        = "list-strips"
	kindEscapes       = "list-escapes"
	kindTruncates     = "list-truncates"
	kindNoTimes       = "unreadable-times"
	kindZoneless      = "zoneless-times"
	kindTimeOffset    = "time-offset"
	kindCoarse        = "coarse-times"
	kindMislabelled   = "mislabelled-times"
	kindPlaceholder   = "placeholder"
	kindRepeated      = "repeated-items"
	kindOffsetIgnored = "offset-ignored"
	kindRandomOrder   = "random-order"
	kindNoDate        = "no-date"
	kindSkew          = "clock-skew"
	kindLatency       = "latency"
)

// faultKinds is every kind, in the order of help texts. The functions of the
// conditions are called in this order, too. Most statuses and codes are from
// the service's API reference. 408, 425, 499, 101 and unlisted are not: they
// are what a proxy or a later version may answer.
var faultKinds = []faultKind{
	{FaultKind: FaultKind{"lost-answer", OpSubmit, true, "connection closed without an answer"}, strike: strikeCut},
	{FaultKind: FaultKind{"cut", OpSubmit, false, "connection closed without an answer, after the request was read"}, strike: strikeCut},
	{FaultKind: FaultKind{"500-committed", OpSubmit, true, "status 500"}, strike: strikeError(500, "OSM.0004", "Internal error")},
	{FaultKind: FaultKind{"502-committed", OpSubmit, true, "status 502 of the gateway"}, strike: strikeError(502, "APIGW.0201", "Backend unavailable")},
	{FaultKind: FaultKind{"504-committed", OpSubmit, true, "status 504 of the gateway"}, strike: strikeError(504, "APIGW.0201", "Backend timeout")},
	{FaultKind: FaultKind{"500", OpSubmit, false, "status 500"}, strike: strikeError(500, "OSM.0004", "Internal error")},
	{FaultKind: FaultKind{"502", OpSubmit, false, "status 502 of the gateway"}, strike: strikeError(502, "APIGW.0201", "Backend unavailable")},
	{FaultKind: FaultKind{"504", OpSubmit, false, "status 504 of the gateway"}, strike: strikeError(504, "APIGW.0201", "Backend timeout")},
	{FaultKind: FaultKind{"503", OpSubmit, false, "status 503 of the gateway (retry_after)"}, strike: strikeError(503, "APIGW.0613", "Service unavailable")},
	{FaultKind: FaultKind{"429", OpSubmit, false, "status 429 of the gateway (retry_after)"}, strike: strikeError(429, "APIGW.0308", "Request throttled")},
	{FaultKind: FaultKind{"failed-committed", OpSubmit, true, "status 200 with the code of a failed operation"}, strike: strikeError(200, "OSM.01010014", "Operation failed")},
	{FaultKind: FaultKind{"failed", OpSubmit, false, "status 200 with the code of a failed operation"}, strike: strikeError(200, "OSM.01010014", "Operation failed")},
	{FaultKind: FaultKind{"slow-committed", OpSubmit, true, "answered only after delay, or never"}, strike: strikeSlow},
	{FaultKind: FaultKind{"slow", OpSubmit, false, "status 504 after delay, or no answer at all"}, strike: strikeSlow},
	{FaultKind: FaultKind{"truncated-committed", OpSubmit, true, "status 200 with a body that ends in the middle"}, strike: strikeTruncated},
	{FaultKind: FaultKind{"truncated", OpSubmit, false, "status 200 with a body that ends in the middle"}, strike: strikeTruncated},
	{FaultKind: FaultKind{"html", OpSubmit, false, "status 200 with the page of a captive portal"}, strike: strikeHTML},
	{FaultKind: FaultKind{"html-committed", OpSubmit, true, "status 200 with the page of a captive portal"}, strike: strikeHTML},
	{FaultKind: FaultKind{"huge-committed", OpSubmit, true, "status 200 with a body of 100 MB"}, strike: strikeHuge},
	{FaultKind: FaultKind{"redirect", OpSubmit, false, "status 307 (location)"}, strike: strikeRedirect},
	{FaultKind: FaultKind{"401", OpSubmit, false, "status 401"}, strike: strikeError(401, "OSM.0002", "Authentication failed")},
	{FaultKind: FaultKind{"403", OpSubmit, false, "status 403"}, strike: strikeError(403, "OSM.0003", "Forbidden")},
	{FaultKind: FaultKind{"408", OpSubmit, false, "status 408 with an empty body"}, strike: strikeStatus(408)},
	{FaultKind: FaultKind{"408-committed", OpSubmit, true, "status 408 with an empty body"}, strike: strikeStatus(408)},
	{FaultKind: FaultKind{"425", OpSubmit, false, "status 425 with an empty body"}, strike: strikeStatus(425)},
	{FaultKind: FaultKind{"499", OpSubmit, false, "status 499 with an empty body"}, strike: strikeStatus(499)},
	{FaultKind: FaultKind{"499-committed", OpSubmit, true, "status 499 with an empty body"}, strike: strikeStatus(499)},
	{FaultKind: FaultKind{"unlisted", OpSubmit, false, "status 200 with an undocumented code"}, strike: strikeError(200, "OSM.01019999", "Unlisted error")},
	{FaultKind: FaultKind{"unlisted-committed", OpSubmit, true, "status 200 with an undocumented code"}, strike: strikeError(200, "OSM.01019999", "Unlisted error")},
	{FaultKind: FaultKind{"internal-200", OpSubmit, false, "status 200 with the code of an internal error"}, strike: strikeError(200, "OSM.0004", "Internal error")},
	{FaultKind: FaultKind{"internal-200-committed", OpSubmit, true, "status 200 with the code of an internal error"}, strike: strikeError(200, "OSM.0004", "Internal error")},
	{FaultKind: FaultKind{"unbounded", OpSubmit, false, "status 200 with an empty body of unknown length, then the connection closes"}, strike: strikeUnbounded},
	{FaultKind: FaultKind{"unbounded-committed", OpSubmit, true, "status 200 with an empty body of unknown length, then the connection closes"}, strike: strikeUnbounded},
	{FaultKind: FaultKind{"101", OpSubmit, false, "status 101, then silence until the client leaves"}, strike: strikeSwitch},
	{FaultKind: FaultKind{"cut-late", OpSubmit, false, "like cut, but the message is posted after delay"}, late: true, delay: lateCommit, strike: strikeCut},
	{FaultKind: FaultKind{"504-late", OpSubmit, false, "like 504, but the message is posted after delay"}, late: true, delay: lateCommit, strike: strikeError(504, "APIGW.0201", "Backend timeout")},
	{FaultKind: FaultKind{"503-late", OpSubmit, false, "like 503, but the message is posted after delay (retry_after)"}, late: true, delay: lateCommit, strike: strikeError(503, "APIGW.0613", "Service unavailable")},

	{FaultKind: FaultKind{kindLateList, OpList, false, "a message appears only after delay, counted from its create_time"}, also: OpDetail, delay: 3 * time.Second, items: leaveOutLate},
	{FaultKind: FaultKind{"list-denied", OpList, false, "status 403"}, strike: strikeError(403, "OSM.0003", "Forbidden")},

	// The items of a list.
	{FaultKind: FaultKind{"missing-items", OpList, false, "the newest submitted message is missing"}, items: leaveOutNewest},
	{FaultKind: FaultKind{"extra-items", OpList, false, "a system message follows each submitted message"}, items: insertExtras},
	{FaultKind: FaultKind{kindRandomOrder, OpList, false, "messages in a new random order each time"}, items: shuffle},
	{FaultKind: FaultKind{"empty-list", OpList, false, "no messages, and a count of 0"}, items: leaveOutAll},
	{FaultKind: FaultKind{"count-high", OpList, false, "the count is 5 too high"}, count: func(n int) int { return n + 5 }},
	{FaultKind: FaultKind{"count-low", OpList, false, "the count is 1 too low, but at least 0"}, count: func(n int) int { return max(n-1, 0) }},
	{FaultKind: FaultKind{"count-zero", OpList, false, "the count is 0"}, count: func(int) int { return 0 }},
	{FaultKind: FaultKind{kindOffsetIgnored, OpList, false, "every offset returns the first page"}},
	{FaultKind: FaultKind{kindRepeated, OpList, false, "the last message of each page appears twice, but counts once"}},
	{FaultKind: FaultKind{"wrong-type", OpList, false, "submitted messages are shown as an engineer's (type 1)"}, message: showAuthor(1)},
	{FaultKind: FaultKind{"third-party", OpList, false, "submitted messages are shown as a third party's (type 2)"}, message: showAuthor(2)},
	{FaultKind: FaultKind{"attachment-added", OpList, false, "submitted messages have one attachment more than was sent"}, message: addAttachment},
	{FaultKind: FaultKind{"attachment-anonymous", OpList, false, "attachments of submitted messages have no ID"}, message: hideAttachmentIDs},

	// Texts.
	{FaultKind: FaultKind{kindStrips, OpList, false, "content without its markup, even if the request asks for it"}},
	{FaultKind: FaultKind{kindEscapes, OpList, false, "content HTML-escaped"}},
	{FaultKind: FaultKind{kindTruncates, OpList, false, "content cut to 400 characters"}},
	{FaultKind: FaultKind{"emoji-dropped", OpList, false, "content without its 4-byte characters"}, also: OpDetail, text: replaceWide("")},
	{FaultKind: FaultKind{"emoji-question", OpList, false, "content with ? for each 4-byte character"}, also: OpDetail, text: replaceWide("?")},
	{FaultKind: FaultKind{"zero-width-dropped", OpList, false, "content without its zero-width characters"}, also: OpDetail,
		text: replacing("\u200B", "", "\u200C", "", "\u200D", "", "\u2060", "", "\uFEFF", "")},
	{FaultKind: FaultKind{"fullwidth-brackets", OpList, false, "content with full-width forms of < > [ ]"}, also: OpDetail,
		text: replacing("<", "\uFF1C", ">", "\uFF1E", "[", "\uFF3B", "]", "\uFF3D")},
	{FaultKind: FaultKind{"masked", OpList, false, "content with *** for the word after \"password\""}, also: OpDetail, text: maskPasswords},
	{FaultKind: FaultKind{"prefixed", OpList, false, "content after \"[customer] \""}, also: OpDetail, text: addPrefix},
	{FaultKind: FaultKind{"signed", OpList, false, "content with a signature line after it"}, also: OpDetail, text: addSignature},
	{FaultKind: FaultKind{"markdown", OpList, false, "content rendered from Markdown to HTML"}, also: OpDetail, text: renderMarkdown},
	{FaultKind: FaultKind{"cut-255", OpList, false, "content cut to 255 characters"}, also: OpDetail, text: cutTo(255)},
	{FaultKind: FaultKind{"cut-400-bytes", OpList, false, "content cut to 400 bytes, even within a character"}, also: OpDetail, text: cutToBytes(400)},
	{FaultKind: FaultKind{"moderated", OpList, false, "content replaced by a notice"}, also: OpDetail, text: moderated},
	{FaultKind: FaultKind{"blanked", OpList, false, "empty content"}, also: OpDetail, text: blanked},
	{FaultKind: FaultKind{"joined-lines", OpList, false, "content without its line breaks"}, also: OpDetail, text: replacing("\r", "", "\n", "")},
	{FaultKind: FaultKind{"trimmed", OpList, false, "content without white space at its beginning and end"}, also: OpDetail, text: strings.TrimSpace},
	{FaultKind: FaultKind{kindPlaceholder, OpList, false, "submitted messages younger than delay have the content \"…\""}, delay: 5 * time.Second},

	// Times.
	{FaultKind: FaultKind{kindNoTimes, OpList, false, "create_time is not a time"}},
	{FaultKind: FaultKind{kindZoneless, OpList, false, "create_time without a zone, in the zone of X-Time-Zone"}},
	{FaultKind: FaultKind{kindTimeOffset, OpList, false, "create_time is off by skew, the Date header is right"}, also: OpDetail, skew: 10 * time.Minute},
	{FaultKind: FaultKind{kindCoarse, OpList, false, "create_time cut to the minute"}, also: OpDetail},
	{FaultKind: FaultKind{kindMislabelled, OpList, false, "create_time in UTC, but labelled +08:00"}, also: OpDetail},

	{FaultKind: FaultKind{kindNoDate, "", true, "no Date header"}},
	{FaultKind: FaultKind{kindSkew, "", true, "the service's clock is off by skew, for all requests"}, skew: 10 * time.Minute},
	{FaultKind: FaultKind{kindLatency, "", true, "every answer comes after delay"}, delay: 100 * time.Millisecond},
}

// lateCommit is how late the late kinds put a message on its ticket by default.
const lateCommit = 10 * time.Second

// FaultKinds returns every kind of fault.
func FaultKinds() []FaultKind {
	out := make([]FaultKind, len(faultKinds))
	for i, k := range faultKinds {
		out[i] = k.FaultKind
		if k.also != "" {
			out[i].Doc += "; also for " + k.also
		}
	}
	return out
}

func findKind(name string) *faultKind {
	for i := range faultKinds {
		if faultKinds[i].Name == name {
			return &faultKinds[i]
		}
	}
	return nil
}
