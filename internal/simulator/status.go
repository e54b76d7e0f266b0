package simulator

import "slices"

// Status is a status that a ticket can have.
type Status struct {
	Number int
	Name   string
	Closed bool // the ticket takes no more messages from the customer
}

const statusCompleted = 3

// statuses is from the service's API reference. It does not say which are closed: 3,
// 4 and 12 are an interpretation of their names.
var statuses = []Status{
	{0, "to be accepted", false},
	{1, "processing", false},
	{2, "awaiting confirmation", false},
	{statusCompleted, "completed", true},
	{4, "cancelled", true},
	{5, "suspended", false},
	{12, "invalid", true},
	{17, "awaiting feedback", false},
}

// Statuses returns every status.
func Statuses() []Status { return slices.Clone(statuses) }

// findStatus returns the status with this number, and reports whether there is
// one.
func findStatus(number int) (Status, bool) {
	return first(statuses, func(s Status) bool { return s.Number == number })
}

// closed reports whether the ticket is closed. An unknown status is open.
func (c *caseState) closed() bool {
	s, _ := findStatus(c.Status)
	return s.Closed
}
