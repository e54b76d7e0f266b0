package delivery

import (
	"fmt"
	"time"
)

// NotPostedError reports that a message is not on the ticket. Unless Checked is set,
// it is safe to deliver the message again.
type NotPostedError struct {
	Attempts int  // POSTs made
	Refused  bool // the service refused the message, and would refuse it again
	// Checked: an attempt's outcome was unknown, and the message was not on the ticket
	// when that was last checked. It may still arrive.
	Checked bool
	Err     error // why the last attempt failed, or why none was made
}

func (e *NotPostedError) Error() string {
	return fmt.Sprintf("the message was not posted (attempts: %d): %v", e.Attempts, e.Err)
}

func (e *NotPostedError) Unwrap() error { return e.Err }

// UnconfirmedError reports that a message may be on the ticket: the outcome of an
// attempt was unknown, and the check of the ticket was inconclusive.
type UnconfirmedError struct {
	CaseID   string
	Key      string    // empty: none
	Length   int       // of the text as sent, in characters
	Began    time.Time // when the attempt began, by the local clock; zero: this delivery sent nothing
	Err      error     // how the attempt failed; nil when nothing was sent
	CheckErr error     // why the check was inconclusive
}

func (e *UnconfirmedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("the message may be on ticket %s: %v", e.CaseID, e.CheckErr)
	}
	return fmt.Sprintf("the message may be on ticket %s: %v; the check of the ticket was inconclusive: %v", e.CaseID, e.Err, e.CheckErr)
}

func (e *UnconfirmedError) Unwrap() []error { return []error{e.Err, e.CheckErr} }

// SearchError reports that no message was posted, since the ticket could not be searched
// for the idempotency key. One may be on the ticket already.
type SearchError struct {
	CaseID, Key string
	Attempts    int // POSTs before, none of which put a copy on the ticket
	Err         error
}

func (e *SearchError) Error() string {
	return fmt.Sprintf("ticket %s could not be searched for the idempotency key %q: %v", e.CaseID, e.Key, e.Err)
}

func (e *SearchError) Unwrap() error { return e.Err }

// KeyConflictError reports that no message was posted, since the ticket, or another message
// of this run, has the idempotency key with another text.
type KeyConflictError struct {
	CaseID, Key string
	Attempts    int // POSTs before, none of which put a copy on the ticket
	// Changed: the other message does not begin with the key. It may be this message,
	// with its key changed by the service.
	Changed bool
	// Content and Shown are the beginnings of the two texts, ours with its key. They
	// are empty where they are secret.
	Content, Shown string
	// Length and ShownLength are the lengths of the two texts in characters.
	Length, ShownLength int
	// Part is the position of the first character in which the texts differ, from 1,
	// once both are in the form in which texts are compared. It is 0 where that is secret.
	Part int
}

func (e *KeyConflictError) Error() string {
	return fmt.Sprintf("another message on ticket %s has the idempotency key %q", e.CaseID, e.Key)
}

// part returns the position of the first character in which two texts differ, from 1.
func part(a, b string) int {
	x, y := []rune(a), []rune(b)
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	return n + 1
}
