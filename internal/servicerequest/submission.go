package servicerequest

import "time"

// Submission is a message to put on a ticket.
type Submission struct {
	CaseID       string   // 1 to 64 characters
	Content      string   // 1 to 10,000 characters
	AccessoryIDs []string // at most 10, each 1 to 64 characters; nil is not sent, empty is sent as []
	GroupID      string   // at most 64 characters; empty is not sent

	// IdempotencyKey is a text that Content contains and that no other message on
	// the ticket has. If a message on the ticket has it, nothing is sent. See
	// [CheckIdempotencyKey] and [CheckKeyInContent]. Empty is none.
	IdempotencyKey string

	// Secret keeps the content out of every error.
	Secret bool

	// Notify, if not nil, is called at each step, from the caller's goroutine.
	Notify func(Event)
}

// Event is a step of a submission, for logs and progress. It holds neither the
// content nor a secret.
type Event struct {
	Step    Step
	Attempt int           // the number of the POST, from 1; 0 before the first
	Reason  string        // why a retry or a check is needed
	Wait    time.Duration // before a retry
}

// Step names an event.
type Step string

// The steps of a submission.
const (
	StepSubmitting Step = "submitting"
	StepChecking   Step = "checking the ticket"
	StepRetrying   Step = "retrying"
	StepConfirmed  Step = "confirmed" // sent now, or found: the receipt says which
)

// Confirmation is how delivery was confirmed.
type Confirmation string

// The ways of confirmation.
const (
	ByResponse Confirmation = "response" // the service accepted the message
	ByCheck    Confirmation = "check"    // the answer was lost, and a check of the ticket found the message
	ByExisting Confirmation = "existing" // the ticket had a message with the idempotency key: nothing was sent
)

// Receipt is the confirmation that a message is on its ticket.
type Receipt struct {
	ConfirmedBy Confirmation
	// SubmittedAt is by the service's clock if its answer told the time, else by
	// the local one. It is zero for an existing message whose time cannot be read.
	SubmittedAt time.Time
	// Copies is how many messages on the ticket have the idempotency key and show this
	// text, such as a duplicate or a reply that quotes it. It is 0 unless the ticket was
	// searched and had the message.
	Copies int
	// RequestID is the service's X-Request-Id, if it gave one.
	RequestID string
	// Resent is why the message was sent again, after the last check did not find it
	// on the ticket. The first copy may still arrive. Empty: it was sent once at most.
	Resent string
}

func (s Submission) body() ([]byte, error) {
	return Post{Content: s.Content, AccessoryIDs: s.AccessoryIDs, GroupID: s.GroupID}.body()
}
