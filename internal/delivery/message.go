package delivery

import "time"

// Message is a message to put on a ticket.
type Message struct {
	CaseID       string   // 1 to 64 characters
	Content      string   // with the key in front of it, 1 to 10,000 characters
	AccessoryIDs []string // at most 10, each 1 to 64 characters; nil is not sent, empty is sent as []
	GroupID      string   // at most 64 characters; empty is not sent

	// Key makes the message one that no other run posts again: see [CheckKey]. It is put in square brackets in front of
	// the content. Empty is none.
	Key string

	// Secret keeps the content out of every error.
	Secret bool

	// Notify, if not nil, is called at each step, from the caller's goroutine.
	Notify func(Event)
}

// Event is a step of a delivery, for logs and progress. It holds neither the content nor a secret.
type Event struct {
	Step    Step
	Attempt int           // the number of the POST, from 1; 0 before the first
	Reason  string        // why a retry or a check is needed
	Wait    time.Duration // before a retry
}

// Step names an event.
type Step string

// The steps of a delivery.
const (
	StepPosting   Step = "posting"
	StepChecking  Step = "checking the ticket"
	StepRetrying  Step = "retrying"
	StepConfirmed Step = "confirmed" // sent now, or found: the receipt says which
)

// Confirmation is how a delivery was confirmed.
type Confirmation string

// The ways of confirmation.
const (
	ByResponse Confirmation = "response" // the service accepted the message
	ByCheck    Confirmation = "check"    // the outcome was unknown, and a check of the ticket found the message
	ByExisting Confirmation = "existing" // the ticket had the message with its key
)

// Receipt is the confirmation that a message is on its ticket.
type Receipt struct {
	ConfirmedBy Confirmation
	// Attempts are POSTs that put no copy on the ticket, of a message that was found there before another one.
	Attempts int
	// PostedAt is by the service's clock if its answer told the time, else by the local one. It is zero for an existing
	// message whose time cannot be read.
	PostedAt  time.Time
	RequestID string // the service's X-Request-Id, if it gave one
	// Resent is why the message was sent again, after the last check did not find it on the ticket. The first copy may
	// still arrive. Empty: it was sent once at most.
	Resent string
	Copies int  // messages with the key and this text that the ticket had before; 0 unless ByExisting
	Cut    bool // the ticket shows only the beginning of the existing message, so only this could be compared
}

// Copies is a keyed message of this run that its ticket has more than once. Another run that searched at the same time
// has posted it too, or it was sent again.
type Copies struct {
	Key   string
	Count int
}
