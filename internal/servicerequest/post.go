package servicerequest

import "time"

// Post is a message to post.
type Post struct {
	CaseID       string   // 1 to 64 characters
	Content      string   // 1 to 10,000 characters
	AccessoryIDs []string // at most 10, each 1 to 64 characters; nil is not sent, empty is sent as []
	GroupID      string   // at most 64 characters; empty is not sent
	Secret       bool     // keeps the content out of every error
}

// Outcome is what one POST of a message came to.
type Outcome int

const (
	// Unknown: the message may be on the ticket. It is the zero value, so that a
	// case that the code does not handle leads to a check, not to another POST.
	Unknown Outcome = iota
	// UnknownRefused: like Unknown, but the answer is a refusal that no page
	// documents, so the message is not sent again.
	UnknownRefused
	// Submitted: the service accepted the message.
	Submitted
	// Rejected: the service refused the message. Another POST would not help.
	Rejected
	// Unauthenticated: the gateway refused the credentials before the backend had the
	// message. They have been renewed, so another POST may succeed.
	Unauthenticated
	// Throttled: the gateway refused the POST before the backend had it (HTTP 429).
	Throttled
	// NotExecuted: no byte of the request was written to the service.
	NotExecuted
)

func (o Outcome) String() string {
	return [...]string{"unknown", "unknown, with a refusal", "submitted", "rejected", "unauthenticated", "throttled", "not executed"}[o]
}

// Attempt is one POST of a message and what came of it.
type Attempt struct {
	Outcome    Outcome
	Reason     string        // the outcome in a few words, for logs and progress
	Err        error         // describes the answer or the failure; nil if Submitted
	RequestID  string        // the service's X-Request-Id, if it gave one
	Began      time.Time     // by the local clock
	Ended      time.Time     // by the local clock: when the answer's body was read, or the failure came
	AnsweredAt time.Time     // by the service's clock if its answer told the time, else by the local one
	RetryAfter time.Duration // how long the service asks to wait; 0 is not at all
	TimedOut   bool          // the time ran out on either side: the service may still be at work
	Permanent  bool          // another POST would fail in the same way, such as on an untrusted certificate
}

// Listing is a ticket's list of messages, read once from beginning to end.
type Listing struct {
	Began    time.Time // by the local clock
	Messages []Message // in the service's order, as shown, with Created set
	// Surplus is how many more messages the list has than the service counts. It is
	// negative if the list has fewer, and 0 if the service gives no count.
	Surplus int
	// Partial is why messages may be missing, or listed twice. Nil: the list is whole.
	Partial error
}
